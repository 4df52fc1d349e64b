import { assert, describe, it } from "@effect/vitest"
import { Bytes, Deferred, Effect, Fiber, Queue, Stream } from "effect"
import { HttpClientRequest } from "effect/http"
import * as Http from "node:http"
import * as Https from "node:https"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as NodeExchange from "../../src/internal/nodeExchange.ts"
import { listen } from "../support/listen.ts"
import { eventually } from "../support/eventually.ts"

/** A server, and agents with one connection for it. They end with the scope. */
const serve = Effect.fnUntraced(function* (answer: Http.RequestListener) {
  const server = Http.createServer(answer)
  const port = yield* listen(server, () => server.closeAllConnections())
  const agents = yield* Effect.acquireRelease(
    Effect.sync(() => ({
      http: new Http.Agent({ keepAlive: true, maxSockets: 1 }),
      https: new Https.Agent()
    })),
    ({ http }) => Effect.sync(() => http.destroy())
  )
  const connections = yield* Queue.unbounded<"opened" | "closed">()
  server.on("connection", (socket) => {
    Queue.offerUnsafe(connections, "opened")
    socket.once("close", () => Queue.offerUnsafe(connections, "closed"))
  })
  const url = new URL(`http://127.0.0.1:${port}/`)
  return {
    connections,
    send: (request: HttpClientRequest.HttpClientRequest = HttpClientRequest.get(url)) =>
      NodeExchange.send(request, url, agents),
    url
  }
})

const read = (response: Effect.Success<ReturnType<typeof NodeExchange.send>>) =>
  Effect.map(Stream.runCollect(response.stream), (chunks) => Bytes.concat(chunks))

setFlagsFromString("--expose-gc")
const collectGarbage: () => void = runInNewContext("gc")

const noise = Uint8Array.from({ length: 300_000 }, (_, nth) => (nth * 7919) % 251)

describe("NodeExchange.send", () => {
  it.live("returns a whole body, and reuses the connection", () =>
    Effect.gen(function* () {
      const { connections, send } = yield* serve((_, answer) => answer.end(noise))
      for (let nth = 0; nth < 3; nth++) {
        const response = yield* send()
        assert.strictEqual(response.status, 200)
        assert.deepStrictEqual(yield* read(response), noise)
      }
      assert.deepStrictEqual(yield* Queue.clear(connections), ["opened"])
    })
  )

  it.live("returns the bytes that arrived with the head without another wait", () =>
    Effect.gen(function* () {
      const { send } = yield* serve((_, answer) => {
        // Node's own server would join the three.
        answer.socket?.end(
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
            "3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"
        )
      })
      const response = yield* send()
      const pull = yield* Stream.toPull(response.stream)
      const chunks = yield* pull
      assert.deepStrictEqual(
        chunks.map((chunk) => new TextDecoder().decode(chunk)),
        ["one", "two", "three"]
      )
    }).pipe(Effect.scoped)
  )

  it.live("returns an empty body", () =>
    Effect.gen(function* () {
      const { send } = yield* serve((_, answer) => answer.writeHead(204).end())
      const response = yield* send()
      assert.strictEqual(response.status, 204)
      assert.strictEqual((yield* read(response)).length, 0)
    })
  )

  it.live("sends headers and a body", () =>
    Effect.gen(function* () {
      const { send, url } = yield* serve((request, answer) => {
        request.pipe(answer.writeHead(200, { echo: request.headers["x-name"] }))
      })
      const response = yield* send(
        HttpClientRequest.post(url, { headers: { "x-name": "alpha" } }).pipe(
          HttpClientRequest.bodyText("hello")
        )
      )
      assert.strictEqual(response.headers["echo"], "alpha")
      assert.strictEqual(yield* response.text, "hello")
    })
  )

  it.live("fails if the connection breaks before the head", () =>
    Effect.gen(function* () {
      const { send } = yield* serve((request) => request.socket.destroy())
      const error = yield* Effect.flip(send())
      assert.strictEqual(error.reason._tag, "TransportError")
    })
  )

  it.live("fails if the connection breaks within the body", () =>
    Effect.gen(function* () {
      const { send } = yield* serve((_, answer) => {
        answer.writeHead(200, { "content-length": noise.length })
        answer.write(noise.subarray(0, 1000), () => answer.destroy())
      })
      const error = yield* Effect.flip(Effect.flatMap(send(), read))
      assert.strictEqual(error.reason._tag, "TransportError")
    })
  )

  it.live("closes the connection of a request that is interrupted", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const { connections, send } = yield* serve(() => Deferred.doneUnsafe(asked, Effect.void))
      const fiber = yield* Effect.forkChild(send())
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* Queue.take(connections), "opened")
      assert.strictEqual(yield* Queue.take(connections), "closed")
    })
  )

  it.live("closes the connection of a body that is not read to its end", () =>
    Effect.gen(function* () {
      const { connections, send } = yield* serve((_, answer) => answer.write(noise))
      const response = yield* send()
      const first = yield* Stream.runHead(response.stream)
      assert.strictEqual(first._tag, "Some")
      assert.strictEqual(yield* Queue.take(connections), "opened")
      assert.strictEqual(yield* Queue.take(connections), "closed")
    })
  )

  it.live("closes the connection of a response that is forgotten unread", () =>
    Effect.gen(function* () {
      const { connections, send } = yield* serve((_, answer) => void answer.write(noise))
      yield* Effect.asVoid(send())
      assert.strictEqual(yield* Queue.take(connections), "opened")
      yield* eventually(
        Effect.sync(() => {
          collectGarbage()
          return Queue.sizeUnsafe(connections) > 0
        })
      )
      assert.strictEqual(yield* Queue.take(connections), "closed")
    })
  )

  it.live("keeps nothing of a response that was read", () =>
    Effect.gen(function* () {
      const { send } = yield* serve((_, answer) => answer.end(noise))
      const read = yield* Effect.map(
        Effect.tap(send(), (response) => Stream.runDrain(response.stream)),
        (response) => new WeakRef(response)
      )
      yield* eventually(
        Effect.sync(() => {
          collectGarbage()
          return read.deref() === undefined
        })
      )
    })
  )

  it.live("survives a connection that breaks while nobody reads", () =>
    Effect.gen(function* () {
      const { connections, send } = yield* serve((_, answer) => {
        answer.writeHead(200, { "content-length": noise.length })
        answer.write(noise.subarray(0, 1000), () => answer.destroy())
      })
      const response = yield* send()
      assert.strictEqual(yield* Queue.take(connections), "opened")
      assert.strictEqual(yield* Queue.take(connections), "closed")
      const error = yield* Effect.flip(read(response))
      assert.strictEqual(error.reason._tag, "TransportError")
    })
  )
})
