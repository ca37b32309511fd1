// The gRPC server: how it listens, what it limits, which methods it has, and how it ends without
// failing a call.
import { setTimeout as pause } from "node:timers/promises"
import {
  Server,
  ServerCredentials,
  type MethodDefinition,
  type ServerInterceptor,
  type UntypedHandleCall,
} from "@grpc/grpc-js"
import { Schema } from "effect"

/** Calls on one connection at once; a client with more opens another or waits. */
const STREAMS_PER_CONNECTION_MAX = 1_024
/** For the answers of those who were told at the very end that they wait in vain. */
const LAST_ANSWERS_MILLIS = 500

export class GrpcPortTaken extends Schema.TaggedError<GrpcPortTaken>()("GrpcPortTaken", {
  host: Schema.String,
  port: Schema.Int,
  reason: Schema.String,
}) {
  override get message() {
    const address = `${this.host}:${this.port}`
    return (
      `WEIR_GRPC_PORT: cannot listen on ${address} (${this.reason}); ` +
      "choose a free port, or none for no gRPC"
    )
  }
}

export interface Method {
  readonly requestStream?: boolean
  readonly responseStream?: boolean
  readonly handle: UntypedHandleCall
}

export interface GrpcListenOptions {
  readonly host: string
  /** 0 takes any free one. */
  readonly port: number
  readonly requestBytesMax: number
  readonly answerBytesMax: number
  /** Methods by their service. */
  readonly services: Readonly<Record<string, Readonly<Record<string, Method>>>>
  readonly interceptors: ReadonlyArray<ServerInterceptor>
}

export interface GrpcServer {
  /** `host:port` */
  readonly address: string
  /**
   * For `noticeMillis` calls are still taken; then no new ones, and it resolves when all are
   * answered, or after `maxMillis`.
   */
  readonly drain: (noticeMillis: number, maxMillis: number) => Promise<void>
  /** Cuts what is left. */
  readonly close: () => Promise<void>
}

/** Bytes pass as they are: who handles a method reads and writes its messages. */
const asBytes = (bytes: Buffer): Buffer => bytes

const definitionOf = (path: string, method: Method): MethodDefinition<Buffer, Buffer> => ({
  path,
  requestStream: method.requestStream === true,
  responseStream: method.responseStream === true,
  requestSerialize: asBytes,
  requestDeserialize: asBytes,
  responseSerialize: asBytes,
  responseDeserialize: asBytes,
})

const addServices = (server: Server, services: GrpcListenOptions["services"]): void => {
  for (const [service, methods] of Object.entries(services)) {
    const named = Object.entries(methods)
    server.addService(
      Object.fromEntries(
        named.map(([name, method]) => [name, definitionOf(`/${service}/${name}`, method)]),
      ),
      Object.fromEntries(named.map(([name, { handle }]) => [name, handle])),
    )
  }
}

const bracketed = (host: string): string => (host.includes(":") ? `[${host}]` : host)

/** @throws GrpcPortTaken */
export const listenGrpc = async (options: GrpcListenOptions): Promise<GrpcServer> => {
  const { host, port, requestBytesMax, answerBytesMax, services, interceptors } = options
  const server = new Server({
    "grpc.max_receive_message_length": requestBytesMax,
    "grpc.max_send_message_length": answerBytesMax,
    "grpc.max_concurrent_streams": STREAMS_PER_CONNECTION_MAX,
    // Introspection that nobody reads, paid for by each call.
    "grpc.enable_channelz": 0,
    interceptors: [...interceptors],
  })
  addServices(server, services)
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const address = `${bracketed(host)}:${port}`
  server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
    if (error === null) resolve(bound)
    else reject(new GrpcPortTaken({ host, port, reason: error.message }))
  })
  const bound = await promise
  let ended: Promise<void> | undefined
  const end = () => {
    ended ??= new Promise<void>((done) => server.tryShutdown(() => done()))
    return ended
  }
  return {
    address: `${bracketed(host)}:${bound}`,
    drain: async (noticeMillis, maxMillis) => {
      await pause(noticeMillis)
      await Promise.race([end(), pause(maxMillis)])
    },
    close: async () => {
      await Promise.race([end(), pause(LAST_ANSWERS_MILLIS)])
      server.forceShutdown()
    },
  }
}
