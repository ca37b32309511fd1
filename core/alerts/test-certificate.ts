// A key and a certificate for the name hooks.weir-receiver.dev that only tests of sending use. Nothing else may trust them.
export const TEST_HOST = "hooks.weir-receiver.dev"

export const TEST_KEY = ``

export const TEST_CERTIFICATE = ``
