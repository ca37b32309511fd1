// Counters and histograms for what is counted with every request: whoever counts keeps a child for
// its labels and adds to plain numbers. prom-client looks its child up at each call, by a text made
// of all labels; that was a twelfth of a gateway's time. What is exposed is the same.
import {
  Counter,
  Histogram,
  type CounterConfiguration,
  type HistogramConfiguration,
  type LabelValues,
} from "prom-client"

/** Children of one metric; labels are bounded, this bounds a mistake. */
const CHILDREN_MAX = 10_000

export class CounterChild {
  added = 0

  add(value = 1): void {
    this.added += value
  }
}

export class HistogramChild {
  /** Observations up to each edge and above the one before; the last are above all edges. */
  readonly counts: Float64Array
  readonly #edges: ReadonlyArray<number>
  sum = 0
  count = 0

  constructor(edges: ReadonlyArray<number>) {
    this.#edges = edges
    this.counts = new Float64Array(edges.length + 1)
  }

  observe(value: number): void {
    const edges = this.#edges
    let bucket = 0
    while (bucket < edges.length && value > (edges[bucket] ?? 0)) bucket++
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1
    this.sum += value
    this.count++
  }
}

/** Children by the values of their labels, in the order of the names. */
class Children<Label extends string, Child> {
  readonly #names: ReadonlyArray<Label>
  readonly #make: () => Child
  readonly #byKey = new Map<
    string,
    { readonly labels: LabelValues<Label>; readonly child: Child }
  >()

  constructor(names: ReadonlyArray<Label>, make: () => Child) {
    this.#names = names
    this.#make = make
  }

  of(values: ReadonlyArray<string | number>): Child {
    const key = values.join("\n")
    const known = this.#byKey.get(key)
    if (known !== undefined) return known.child
    if (values.length !== this.#names.length || this.#byKey.size >= CHILDREN_MAX)
      throw new Error(`expected ${this.#names.join(", ")}, at most ${CHILDREN_MAX} times`)
    const labels: LabelValues<Label> = {}
    for (const [index, name] of this.#names.entries()) labels[name] = values[index] ?? ""
    const child = this.#make()
    this.#byKey.set(key, { labels, child })
    return child
  }

  [Symbol.iterator]() {
    return this.#byKey.values()
  }
}

export class TalliedCounter<Label extends string> {
  readonly #children: Children<Label, CounterChild>

  constructor(configuration: CounterConfiguration<Label>) {
    this.#children = new Children(configuration.labelNames ?? [], () => new CounterChild())
    const counter: Counter<Label> = new Counter({
      ...configuration,
      collect: () => {
        for (const { labels, child } of this.#children) {
          counter.inc(labels, child.added)
          child.added = 0
        }
      },
    })
  }

  /** The child of these values of the labels, in the order of their names. */
  of(...values: ReadonlyArray<string | number>): CounterChild {
    return this.#children.of(values)
  }
}

export class TalliedHistogram<Label extends string> extends Histogram<Label> {
  readonly #children: Children<Label, HistogramChild>
  readonly #edges: ReadonlyArray<number>
  readonly #name: string
  /** Knows name, help and type as they are exposed. */
  readonly #empty: Histogram<Label>

  constructor(configuration: HistogramConfiguration<Label> & { readonly buckets: Array<number> }) {
    super(configuration)
    const { buckets, labelNames, name } = configuration
    this.#edges = buckets
    this.#name = name
    this.#empty = new Histogram({ ...configuration, registers: [] })
    this.#children = new Children(labelNames ?? [], () => new HistogramChild(buckets))
    if (labelNames === undefined || labelNames.length === 0) this.of()
  }

  /** The child of these values of the labels, in the order of their names. */
  of(...values: ReadonlyArray<string | number>): HistogramChild {
    return this.#children.of(values)
  }

  override async get() {
    return { ...(await this.#empty.get()), values: [...this.#values()] }
  }

  /** What prom-client writes its text from. */
  getForPromString() {
    return this.get()
  }

  *#values() {
    for (const { labels, child } of this.#children) {
      let below = 0
      for (const [index, edge] of this.#edges.entries()) {
        below += child.counts[index] ?? 0
        yield this.#value("bucket", { le: edge, ...labels }, below)
      }
      yield this.#value("bucket", { le: "+Inf", ...labels }, child.count)
      yield this.#value("sum", labels, child.sum)
      yield this.#value("count", labels, child.count)
    }
  }

  #value(part: string, labels: LabelValues<Label>, value: number) {
    return { metricName: `${this.#name}_${part}`, labels, value }
  }
}
