// Writes docs/metrics.md anew.
import { formatted } from "../../proto/generate-contracts.ts"
import { inProject } from "../project.ts"
import { metricsPage } from "./page.ts"

const PAGE = "docs/metrics.md"

/** The page as it is committed. */
export const formattedPage = async (): Promise<string> =>
  (await formatted(new Map([[PAGE, await metricsPage()]]))).get(PAGE) ?? ""

if (import.meta.main) await Bun.write(inProject(PAGE), await formattedPage())
