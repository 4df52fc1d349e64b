/**
 * Backends that try to make a program print a secret, and a check of what it printed.
 */
import { assert } from "@effect/vitest"
import * as TestReply from "../../src/testing/TestReply.ts"

/** Answers with everything that a server knows about the request, and with a secret of its own. */
export const echoOf =
  (secret: string): TestReply.Behaviour =>
  (reply, request) =>
    TestReply.body(`<p>${request.headers["authorization"]} ${request.url.href} ${secret}</p>`)(
      reply,
      request
    )

/** Fails if a text contains one of the secrets, and shows the text around it. */
export const assertKept = (text: string, secrets: ReadonlyArray<string>) => {
  assert.isAbove(text.length, 0)
  for (const secret of secrets) {
    const at = text.indexOf(secret)
    assert.strictEqual(at, -1, text.slice(Math.max(0, at - 200), at + 20))
  }
}
