// Wiring of a gateway process, and nothing else.
import "effect/schema/SchemaJITCompiler/enable"
import { startProcess } from "#core/service/start-process"
import { gatewayProcess } from "./process.ts"
import { gatewaySettings } from "./settings.ts"

startProcess("gateway", gatewaySettings, gatewayProcess)
