/**
 * Finds a plugin by `name@marketplace`, by an unambiguous bare name, or by its remote id. The name
 * is looked up in the cache, then in the account's listing, never in the catalogue.
 */
import { Effect, Option, Predicate, Result, Schema } from "effect"
import { Argument } from "effect/cli"
import * as PluginId from "../PluginId.ts"
import * as PluginStore from "../PluginStore.ts"
import * as RemotePluginId from "../RemotePluginId.ts"
import { CommandFailed } from "./exit.ts"

/** True for `name@marketplace`. */
export const isPluginId = Schema.is(PluginId.PluginId)
const isPluginName = Schema.is(PluginId.PluginName)
const isRemoteId = Schema.is(
  RemotePluginId.RemotePluginId.check(Schema.makeFilter(RemotePluginId.isAddressable))
)

/** The form of a plugin's name in an argument. */
export const expected =
  "a plugin such as hello, hello@openai-curated-remote or a remote plugin id of letters, digits, `_`, `-` and `~`"

/** True if the text can be a plugin's name. */
export const isName = (text: string): boolean =>
  isPluginId(text) || isPluginName(text) || isRemoteId(text)

/** `PLUGIN`: a plugin by any of its names. */
export const plugin = Argument.String("PLUGIN").pipe(
  Argument.withDescription("A plugin: NAME, NAME@MARKETPLACE or its remote id"),
  Argument.filter(isName, () => expected)
)

/** A plugin that was found by its name. */
interface Named {
  /** None for a remote id that is neither in the cache nor in the listing. */
  readonly pluginId: Option.Option<PluginId.PluginId>
  /** None for a local install. */
  readonly remotePluginId: Option.Option<RemotePluginId.RemotePluginId>
}

interface Candidate {
  readonly pluginId: PluginId.PluginId
  readonly remotePluginId: Option.Option<RemotePluginId.RemotePluginId>
}

const matches =
  (text: string) =>
  ({ pluginId, remotePluginId }: Candidate): boolean =>
    pluginId === text || PluginId.name(pluginId) === text || Option.contains(remotePluginId, text)

/** The only candidate with this name; fails if several have it. */
const only = Effect.fnUntraced(function* (text: string, candidates: ReadonlyArray<Candidate>) {
  const found = candidates.filter(matches(text))
  const exact = found.find(
    ({ pluginId, remotePluginId }) => pluginId === text || Option.contains(remotePluginId, text)
  )
  const [first, second] = exact === undefined ? found : [exact]
  if (second !== undefined) {
    const names = found.map(({ pluginId }) => pluginId).join(", ")
    return yield* new CommandFailed({ why: `${text} is ambiguous`, remedy: `use one of ${names}` })
  }
  return Option.fromUndefinedOr(first)
})

/** The cached plugin with this name; none if no cached plugin has it. */
export const cached = Effect.fnUntraced(function* (text: string) {
  const plugins = yield* Effect.flatMap(PluginStore.PluginStore, ({ list }) => list)
  return yield* only(
    text,
    plugins.map(({ identity, pluginId }) => ({
      pluginId,
      remotePluginId:
        identity._tag === "Known" ? Option.some(identity.remotePluginId) : Option.none()
    }))
  )
})

const namedBy = ({ pluginId, remotePluginId }: Candidate): Named => ({
  pluginId: Option.some(pluginId),
  remotePluginId
})

/** The plugin with this name, in the cache or on the account. */
export const resolve = Effect.fnUntraced(function* (text: string) {
  const inCache = yield* cached(text)
  if (Option.isSome(inCache) && Option.isSome(inCache.value.remotePluginId)) {
    return namedBy(inCache.value)
  }
  const direct: Named = {
    pluginId: Option.none(),
    remotePluginId: isRemoteId(text) ? Option.some(text) : Option.none()
  }
  // No plugin's name has a `~`, but the backend's ids have one, so a listing would add nothing.
  if (text.includes("~")) return direct
  const { RemoteCatalog } = yield* Effect.promise(() => import("../RemoteCatalog.ts"))
  const { rows } = yield* Effect.flatMap(RemoteCatalog, ({ installed }) => installed)
  const listed = yield* only(
    text,
    rows.filter(Result.isSuccess).map(({ success }) => ({
      pluginId: success.pluginId,
      remotePluginId: Option.some(success.remotePluginId)
    }))
  )
  if (Option.isSome(listed)) return namedBy(listed.value)
  if (Option.isSome(inCache)) return namedBy(inCache.value)
  if (isPluginId(text)) {
    return yield* new CommandFailed({
      why: `${text} is neither cached nor installed on the account`,
      remedy: `run \`codex-plugins search ${text.split("@")[0]}\` to find plugins and their remote ids`
    })
  }
  return direct
})

/** Like {@link resolve}, for a command that needs the backend's id. */
export const resolveRemote = Effect.fnUntraced(function* (text: string) {
  const { pluginId, remotePluginId } = yield* resolve(text)
  if (Option.isSome(remotePluginId)) return remotePluginId.value
  const name = Option.getOrElse(pluginId, () => text)
  return yield* new CommandFailed({
    why: `${name} has no remote plugin id: it is a local install, or the next sync adds it`
  })
})

/** Adds a remedy if the name was sent to the backend as an id and was not found. */
export const orUnknown =
  (text: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | CommandFailed, R> =>
    Effect.catchIf(
      effect,
      (error) =>
        Predicate.isTagged(error, "RemoteCatalogError") &&
        Predicate.hasProperty(error, "reason") &&
        Predicate.isTagged(error.reason, "NotFound") &&
        !text.includes("~"),
      () =>
        Effect.fail(
          new CommandFailed({
            why: `${text} is neither cached nor installed on the account`,
            remedy: `run \`codex-plugins search ${text}\` to find plugins and their remote ids`
          })
        )
    )
