/**
 * The homes of the fleet: one folder that every machine sees, with a folder for each home in it.
 */
import { Context, Effect, FileSystem, Layer, Path, type Scope } from "effect"
import {
  type CodexHome,
  ErrorAdvice,
  type PluginInventory,
  type PluginSync
} from "effect-codex-plugins"
import type { HttpClient } from "effect/http"
import { HomeError } from "./home.ts"

type Services = PluginSync.PluginSync | PluginInventory.PluginInventory
type Platform = FileSystem.FileSystem | Path.Path | HttpClient.HttpClient

export class Homes extends Context.Service<
  Homes,
  {
    /** The homes that are signed in. */
    readonly names: Effect.Effect<ReadonlyArray<string>, HomeError>
    /** Opens a home until the scope closes. */
    readonly open: (
      name: string
    ) => Effect.Effect<Context.Context<Services>, HomeError, Scope.Scope>
  }
>()("fleet/Homes") {}

/** The name comes from whoever asks the fleet, so it must not lead out of the folder. */
const isName = (name: string) => /^[a-z0-9][a-z0-9-]*$/.test(name)

const remedyOf = (error: unknown): HomeError["remedy"] => {
  if (ErrorAdvice.isSignInNeeded(error)) return "SignIn"
  return ErrorAdvice.isTransient(error) ? "TryLater" : "Correct"
}

/** What a caller of the fleet needs to know of an error. */
export const homeError = (
  home: string,
  error: { readonly _tag: string; readonly message: string }
): HomeError =>
  error instanceof HomeError
    ? error
    : new HomeError({ home, cause: error._tag, detail: error.message, remedy: remedyOf(error) })

/** The homes below a folder; `servicesAt` gives the services of the home at a path. */
export const layer = (
  folder: string,
  servicesAt: (home: string) => Layer.Layer<Services, CodexHome.CodexHomeError, Platform>
): Layer.Layer<Homes, never, Platform> =>
  Layer.effect(
    Homes,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const platform = yield* Effect.context<Platform>()

      const names = Effect.gen(function* () {
        const entries = (yield* fs.readDirectory(folder)).filter(isName)
        const signedIn = yield* Effect.filter(
          entries,
          (name) => fs.exists(path.join(folder, name, "auth.json")),
          { concurrency: 16 }
        )
        return signedIn.toSorted()
      }).pipe(Effect.mapError((error) => homeError("*", error)))

      const open = Effect.fnUntraced(function* (name: string) {
        if (!isName(name)) {
          return yield* new HomeError({
            home: name,
            cause: "InvalidName",
            detail: "a home's name has lower-case letters, digits and hyphens",
            remedy: "Correct"
          })
        }
        return yield* Layer.build(servicesAt(path.join(folder, name))).pipe(
          Effect.provideContext(platform),
          Effect.mapError((error) => homeError(name, error))
        )
      })

      return Homes.of({ names, open })
    })
  )
