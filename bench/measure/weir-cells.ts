// The cells that most benches are made of: `/predict` under so many callers, and the queue itself.
import { queueForms } from "../systems/iris.ts"
import { checkWeir, predictTarget, queueTarget, type Weir } from "../systems/weir.ts"
import { measureCell, type Cell, type MeasuredCell } from "./cell.ts"
import type { Loop } from "../load/plan.ts"

/** Compiled code comes only after some 6,000 requests: nothing is recorded before them. */
const FIRST_WARM_UP_SECONDS = 5
const FIRST_WARM_UP_CALLERS = 32
const WARM_UP_SECONDS = 1.5

export interface WeirCell {
  readonly loop: Loop
  readonly rows: number
  readonly seconds: number
  readonly warmUpSeconds?: number | undefined
}

export const measurePredict = async (weir: Weir, options: WeirCell): Promise<MeasuredCell> =>
  measureCell({
    subject: weir,
    rowsPerRequest: options.rows,
    form: "HTTP, JSON",
    plan: {
      target: await predictTarget(weir.url, options.rows),
      loop: options.loop,
      warmUpSeconds: options.warmUpSeconds ?? WARM_UP_SECONDS,
      seconds: options.seconds,
    },
  })

/** The same through the queue, in every form that a producer can publish. */
export const measureQueue = async (
  weir: Weir,
  natsUrl: string,
  options: WeirCell,
): Promise<ReadonlyArray<Cell>> => {
  const cells: Array<Cell> = []
  for (const form of queueForms) {
    const target = await queueTarget(natsUrl, options.rows, form)
    const warmUpSeconds = options.warmUpSeconds ?? WARM_UP_SECONDS
    const plan = { target, loop: options.loop, warmUpSeconds, seconds: options.seconds }
    const subject = weir
    const measured = await measureCell({
      subject,
      rowsPerRequest: options.rows,
      form: form.form,
      plan,
    })
    cells.push(measured.cell)
  }
  return cells
}

/** Checks the answers and lets the compilers do their work. */
export const warmUp = async (weir: Weir, seconds: number | undefined): Promise<number> => {
  const checked = (await checkWeir(weir, 1)) + (await checkWeir(weir, 32))
  await measurePredict(weir, {
    loop: { kind: "closed", callers: FIRST_WARM_UP_CALLERS },
    rows: 1,
    seconds: seconds ?? FIRST_WARM_UP_SECONDS,
    warmUpSeconds: 0,
  })
  return checked
}

/** Resident memory of all parts together, in bytes. */
export const memoryOf = (cell: Cell): number =>
  cell.processes.reduce((sum, { rssPeakBytes }) => sum + rssPeakBytes, 0)
