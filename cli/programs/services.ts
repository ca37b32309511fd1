// The services by name; each is a folder with a `main.ts`.
export const SERVICES = ["gateway", "predictor", "drift-monitor"] as const
export type Service = (typeof SERVICES)[number]
