/**
 * What the bundles of the curated marketplace get on top of their own bytes, as Codex writes it.
 */
import { Option, Predicate, Result } from "effect"
import * as LosslessJson from "./losslessJson.ts"
import * as ManifestPath from "./manifestPath.ts"

/** Where the app manifest goes unless the manifest says otherwise. */
export const defaultAppManifestPath = ".app.json"

/** The text of a file that holds this JSON. */
export const fileText = (json: LosslessJson.Json): string => `${LosslessJson.print(json)}\n`

/**
 * A manifest's text with the version set, in its place or as the last member. None if the text is
 * not a JSON object.
 */
export const withVersion = (text: string, version: string): Option.Option<string> =>
  Option.flatMap(Result.getSuccess(LosslessJson.parse(text)), (json) =>
    json._tag === "Object"
      ? Option.some(
          fileText({
            _tag: "Object",
            members: new Map(json.members).set('"version"', {
              _tag: "Scalar",
              text: JSON.stringify(version)
            })
          })
        )
      : Option.none()
  )

/** The segments of the app manifest's path: what `apps` says, else {@link defaultAppManifestPath}. */
export const appManifestPath = (manifest: unknown): ReadonlyArray<string> =>
  Option.getOrElse(
    ManifestPath.segments(Predicate.hasProperty(manifest, "apps") ? manifest.apps : undefined),
    () => [defaultAppManifestPath]
  )
