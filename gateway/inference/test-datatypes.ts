// For tests: a model for each datatype that gives back what it gets, named by the datatype.
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { ELEMENT, identity } from "#core/inference/onnx-test-models"
import { importDirectory } from "#core/registry/import"
import { inspectByFirstLoad } from "#core/registry/inspection"
import { jetStreamArtifacts } from "#core/registry/object-store"
import { DATATYPES } from "#proto/tensor"
import type { TestSystem } from "../test-system.ts"

/** Values in a row of these models. */
const WIDTH = 3

/** Call it before the predictor starts. */
export const importDatatypes = async ({ log, nats }: TestSystem): Promise<void> => {
  const models = join(nats.directory, "datatypes")
  for (const datatype of DATATYPES) {
    const version = join(models, datatype, "1")
    await mkdir(version, { recursive: true })
    await Bun.write(join(version, "model.onnx"), identity(ELEMENT[datatype], ["N", WIDTH]))
  }
  const artifacts = jetStreamArtifacts(log)
  await importDirectory({ log, artifacts, inspect: inspectByFirstLoad, now: Date.now }, models)
}
