// Wiring of a drift-monitor process, and nothing else: which parts it is made of.
import "effect/schema/SchemaJITCompiler/enable"
import { startProcess } from "../core/service/start-process.ts"
import { driftMonitorProcess } from "./process.ts"
import { driftMonitorSettings } from "./settings.ts"
import { yieldToOthers } from "./thread-priority.ts"

yieldToOthers()
startProcess("drift-monitor", driftMonitorSettings, driftMonitorProcess)
