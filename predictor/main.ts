// Wiring of a predictor process, and nothing else: which parts it is made of, and in which order
// they begin and end.
import "effect/schema/SchemaJITCompiler/enable"
import { predictorProcess } from "./process.ts"
import { predictorSettings } from "./settings.ts"
import { startProcess } from "../core/service/start-process.ts"

startProcess("predictor", predictorSettings, predictorProcess)
