// What the engine and its worker threads say to each other. Runs of one worker are answered in
// their order.
import type { Tensor } from "#proto/tensor"

export type ToWorker =
  | { readonly type: "load"; readonly digest: string; readonly bytes: Uint8Array }
  | { readonly type: "unload"; readonly digest: string }
  /** Ends the thread after the run that it is in; runs that wait are not answered. */
  | { readonly type: "close" }
  | {
      readonly type: "run"
      readonly run: number
      readonly digest: string
      readonly inputs: ReadonlyArray<Tensor>
      readonly outputs: ReadonlyArray<string> | undefined
    }

export type FromWorker =
  | {
      readonly type: "ran"
      readonly run: number
      readonly outputs: ReadonlyArray<Tensor>
      readonly micros: number
    }
  | { readonly type: "failed"; readonly run: number; readonly reason: string }
  /** The model of this run cannot be loaded. */
  | { readonly type: "refused"; readonly run: number; readonly reason: string }

/**
 * A copy whose buffers are its own, and those buffers: moved to the other thread instead of copied
 * there.
 */
export const movable = (
  tensors: ReadonlyArray<Tensor>,
): { readonly tensors: ReadonlyArray<Tensor>; readonly buffers: Array<ArrayBuffer> } => {
  const buffers: Array<ArrayBuffer> = []
  const copies = tensors.map((tensor) => {
    const data = new Uint8Array(tensor.data)
    buffers.push(data.buffer)
    return { name: tensor.name, datatype: tensor.datatype, shape: tensor.shape, data }
  })
  return { tensors: copies, buffers }
}
