/**
 * The additions to bundles of the curated marketplace, as Codex writes them.
 */
import { Option, Predicate, Result } from "effect"
import * as LosslessJson from "./losslessJson.ts"
import * as ManifestPath from "./manifestPath.ts"

/** The app manifest's path, unless the manifest names another one. */
const defaultAppManifestPath = ".app.json"

/** The text of a file with this JSON. */
export const fileText = (json: LosslessJson.Json): string => `${LosslessJson.print(json)}\n`

/**
 * The text of a manifest with this version, in the place of the old version or as the last member.
 * None if the text is not a JSON object.
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

/**
 * The segments of the app manifest's path: `apps` of the manifest, else {@link
 * defaultAppManifestPath}.
 */
export const appManifestPath = (manifest: unknown): ReadonlyArray<string> =>
  Option.getOrElse(
    ManifestPath.segments(Predicate.hasProperty(manifest, "apps") ? manifest.apps : undefined),
    () => [defaultAppManifestPath]
  )
