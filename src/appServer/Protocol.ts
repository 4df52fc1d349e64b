/**
 * The part of Codex's app-server protocol that is served here, as Codex 0.169 speaks it: JSON-RPC
 * without its `jsonrpc` member, one message a line.
 *
 * Errors have Codex's own messages, because clients may compare them.
 */
import { Data, Option, Result, Schema, SchemaAST, type SchemaIssue } from "effect"

/** The code for a request that is invalid, or invalid for this account. */
export const invalidRequest = -32600

/** The code for a request that failed. */
export const internalError = -32603

/** The reason for which a request was not carried out. */
export class Refusal extends Data.TaggedError("Refusal")<{
  readonly code: typeof invalidRequest | typeof internalError
  readonly message: string
}> {}

export const refuse = (message: string): Refusal => new Refusal({ code: invalidRequest, message })

// Codex's messages use the identifiers as the names of these types.
const Text = Schema.String.annotate({ identifier: "a string" })
const Texts = Schema.Array(Text).annotate({ identifier: "a sequence" })
const AbsolutePath = Schema.String.check(
  Schema.isPattern(/^(?:\/|[A-Za-z]:[\\/]|\\\\)/, {
    message: "AbsolutePathBuf deserialized without a base path"
  })
).annotate({ identifier: "path string" })

const quoted = (name: string): string => `\`${name}\``

const optional = <S extends Schema.Constraint>(schema: S) =>
  Schema.optionalKey(Schema.NullOr(schema))

const struct = <const Fields extends Schema.Struct.Fields>(name: string, fields: Fields) =>
  Schema.Struct(fields).annotate({ identifier: `struct ${name}` })

const oneOfTwoSources = {
  marketplacePath: optional(AbsolutePath),
  remoteMarketplaceName: optional(Text)
}

/** The kinds of marketplaces that `plugin/list` lists. */
export const marketplaceKinds = [
  "local",
  "vertical",
  "workspace-directory",
  "shared-with-me",
  "created-by-me-remote"
] as const

const MarketplaceKind = Schema.String.check(
  Schema.makeFilter(
    (kind) =>
      marketplaceKinds.some((known) => known === kind) ||
      `unknown variant ${quoted(kind)}, expected one of ${marketplaceKinds.map(quoted).join(", ")}`
  )
).annotate({ identifier: "string or map" })

/** Every method that is served, and its parameters. */
const methods = {
  initialize: struct("InitializeParams", {
    clientInfo: struct("ClientInfo", { name: Text, title: optional(Text), version: Text })
  }),
  "plugin/installed": struct("PluginInstalledParams", {
    cwds: optional(Schema.Array(AbsolutePath).annotate({ identifier: "a sequence" })),
    installSuggestionPluginNames: optional(Texts)
  }),
  "plugin/list": struct("PluginListParams", {
    cwds: optional(Schema.Array(AbsolutePath).annotate({ identifier: "a sequence" })),
    marketplaceKinds: optional(Schema.Array(MarketplaceKind).annotate({ identifier: "a sequence" }))
  }),
  "plugin/read": struct("PluginReadParams", { ...oneOfTwoSources, pluginName: Text }),
  "plugin/install": struct("PluginInstallParams", {
    ...oneOfTwoSources,
    installAttemptId: optional(Text),
    pluginName: Text
  }),
  "plugin/uninstall": struct("PluginUninstallParams", { pluginId: Text }),
  "plugin/reconcile": struct("PluginReconcileParams", { reason: optional(Text) })
} as const

export type Method = keyof typeof methods

export type Params<M extends Method> = (typeof methods)[M]["Type"]

/** A well-formed request of any method. */
export type Call = {
  readonly [M in Method]: { readonly method: M; readonly params: Params<M> }
}[Method]

/** Codex accepts only strings and integers as ids. */
const RequestId = Schema.Union([Schema.String, Schema.Int])
type RequestId = typeof RequestId.Type

/** One line of a client. */
export type Message = Data.TaggedEnum<{
  Request: { readonly id: RequestId; readonly call: Call }
  Malformed: { readonly id: RequestId; readonly refusal: Refusal }
  /** A notification, an answer, or an invalid message. None of them gets a reply. */
  Other: {}
}>
export const Message = Data.taggedEnum<Message>()

const decodeRequest = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({
      id: RequestId,
      method: Schema.String,
      params: Schema.optionalKey(Schema.Unknown)
    })
  )
)

const isMethod = (method: string): method is Method => Object.hasOwn(methods, method)

const decodeCall = (method: string, params: unknown): Result.Result<Call, string> => {
  if (!isMethod(method)) {
    const expected = Object.keys(methods).map(quoted).join(", ")
    return Result.fail(`unknown variant ${quoted(method)}, expected one of ${expected}`)
  }
  if (params === undefined || params === null) return Result.fail("missing field `params`")
  const schema: Schema.Codec<Call["params"], unknown> = methods[method]
  return Result.mapBoth(Schema.decodeUnknownResult(schema, { reportInput: true })(params), {
    onFailure: ({ issue }) => describe(issue),
    onSuccess: (params) => ({ method, params }) as Call
  })
}

export const decode = (line: string): Message =>
  Option.match(decodeRequest(line), {
    onNone: () => Message.Other(),
    onSome: ({ id, method, params }) =>
      Result.match(decodeCall(method, params), {
        onFailure: (why) => Message.Malformed({ id, refusal: refuse(`Invalid request: ${why}`) }),
        onSuccess: (call) => Message.Request({ id, call })
      })
  })

/** Describes the problem in the words of serde, with which Codex decodes requests. */
const describe = (issue: SchemaIssue.Issue, key = ""): string => {
  switch (issue._tag) {
    case "Pointer":
      return describe(issue.issue, String(issue.path.at(-1)))
    case "Composite":
      return describe(issue.issues[0], key)
    case "AnyOf": {
      const [only] = issue.issues
      return only === undefined ? mismatch(issue.input, issue.ast.types[0]) : describe(only, key)
    }
    case "InvalidType":
      return mismatch(issue.input, issue.ast)
    case "MissingKey":
      return `missing field ${quoted(key)}`
    case "Filter": {
      const message =
        issue.filter.annotations?.message ??
        ("annotations" in issue.issue ? issue.issue.annotations?.["message"] : undefined)
      return typeof message === "string" ? message : "invalid value"
    }
    default:
      return "invalid value"
  }
}

const mismatch = (input: unknown, expected: SchemaAST.AST | undefined): string => {
  const name = expected === undefined ? undefined : SchemaAST.resolveIdentifier(expected)
  return `invalid type: ${kindOf(input)}, expected ${name ?? "another type"}`
}

const kindOf = (value: unknown): string => {
  switch (typeof value) {
    case "string":
      return `string ${JSON.stringify(value)}`
    case "boolean":
      return `boolean \`${value}\``
    case "number":
      return `${Number.isInteger(value) ? "integer" : "floating point"} \`${value}\``
    default:
      return value === null ? "null" : Array.isArray(value) ? "sequence" : "map"
  }
}

/** The response to a request, as one line. */
export const encode = (id: RequestId, answer: Result.Result<unknown, Refusal>): string =>
  JSON.stringify(
    Result.match(answer, {
      onFailure: ({ code, message }) => ({ error: { code, message }, id }),
      onSuccess: (result) => ({ id, result })
    })
  )
