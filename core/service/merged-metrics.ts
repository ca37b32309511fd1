// The metrics of several processes as one page: each sample is given the name of its process, and
// what has one name stands together, as the text format wants it. It reads what prom-client writes,
// not every form that the format allows.

export interface ProcessPage {
  readonly process: string
  /** Undefined when the process did not answer. */
  readonly text: string | undefined
}

interface Family {
  readonly head: ReadonlyArray<string>
  readonly samples: Array<string>
}

const UP = "weir_process_up"
const UP_HEAD = [
  `# HELP ${UP} 1 where the metrics of a process could be had for this page`,
  `# TYPE ${UP} gauge`,
]
const PEER_WAIT_MILLIS = 1_000

/** `name{a="b"} 1` and `name 1`, with one more label in front. */
const labelled = (sample: string, process: string): string => {
  const end = sample.search(/[{ ]/u)
  const name = sample.slice(0, end)
  const label = `process="${process}"`
  if (sample[end] !== "{") return `${name}{${label}}${sample.slice(end)}`
  const rest = sample.slice(end + 1)
  return `${name}{${label}${rest.startsWith("}") ? "" : ","}${rest}`
}

const addPage = (families: Map<string, Family>, process: string, text: string): void => {
  let head: Array<string> = []
  let family: Family | undefined
  for (const line of text.split("\n")) {
    if (line.startsWith("# HELP ")) head = [line]
    else if (line.startsWith("# TYPE ")) {
      const name = line.split(" ")[2] ?? ""
      family = families.get(name) ?? { head: [...head, line], samples: [] }
      families.set(name, family)
    } else if (line !== "") family?.samples.push(labelled(line, process))
  }
}

/** One page of all; names of processes are our own and need no escaping. */
export const mergePages = (pages: ReadonlyArray<ProcessPage>): string => {
  const families = new Map<string, Family>()
  for (const { process, text } of pages) if (text !== undefined) addPage(families, process, text)
  const up = pages.map(
    ({ process, text }) => `${UP}{process="${process}"} ${text === undefined ? 0 : 1}`,
  )
  families.set(UP, { head: UP_HEAD, samples: up })
  const blocks = [...families.values()].map(({ head, samples }) => [...head, ...samples].join("\n"))
  return `${blocks.join("\n\n")}\n`
}

export interface Peer {
  readonly process: string
  /** Base URL of its status server. */
  readonly url: string
}

/** `name=url` with commas between them. Throws an Error that says what was expected. */
export const readPeers = (setting: string): ReadonlyArray<Peer> =>
  setting
    .split(",")
    .filter((part) => part.trim() !== "")
    .map((part) => {
      const [, process, url] = /^\s*([A-Za-z0-9_-]{1,64})=(https?:\/\/\S+)\s*$/u.exec(part) ?? []
      if (process === undefined || url === undefined)
        throw new Error("name=http://… with commas between them")
      return { process, url: url.replace(/\/$/u, "") }
    })

const pageOf = async ({ process, url }: Peer): Promise<ProcessPage> => {
  try {
    const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(PEER_WAIT_MILLIS) })
    return { process, text: answer.ok ? await answer.text() : undefined }
  } catch {
    return { process, text: undefined }
  }
}

/** Our own page with those of the peers; a peer that is away costs a second and shows as down. */
export const mergedMetrics = async (
  own: ProcessPage,
  peers: ReadonlyArray<Peer>,
): Promise<string> => mergePages([own, ...(await Promise.all(peers.map(pageOf)))])
