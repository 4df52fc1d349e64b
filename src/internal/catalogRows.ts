/**
 * The rows in a response of the backend.
 */
import { Option, Result, Schema } from "effect"
import * as RemotePlugin from "../RemotePlugin.ts"
import * as CuratedManifest from "./bundle/curatedManifest.ts"
import * as LosslessJson from "./bundle/losslessJson.ts"

/** Reads one page of a listing. */
export const decodePage = Schema.decodeUnknownEffect(
  Schema.Struct({
    plugins: Schema.Array(Schema.Unknown),
    pagination: Schema.Struct({
      next_page_token: Schema.optionalKey(Schema.NullOr(Schema.String))
    })
  })
)
const decodeAppManifest = Schema.decodeUnknownOption(
  Schema.Struct({ release: Schema.Struct({ app_manifest: Schema.Unknown }) })
)

/** The body of a response. The text is kept, because `JSON.parse` loses details. */
export interface Answer {
  readonly text: string
  readonly json: unknown
}

const losesAppManifest = (row: unknown): boolean =>
  Option.exists(
    decodeAppManifest(row),
    ({ release }) => !LosslessJson.survivedParse(release.app_manifest)
  )

/** Decodes the row at a path of keys and indices in an answer. */
type RowDecoder = (
  row: unknown,
  path: ReadonlyArray<string | number>
) => Result.Result<RemotePlugin.RemotePlugin, RemotePlugin.InvalidRemotePlugin>

/**
 * Reads the rows of a response so that app manifests keep the details that `JSON.parse` would lose.
 */
export const rowDecoder = (
  answer: Answer,
  rows: ReadonlyArray<unknown>
): Result.Result<RowDecoder, LosslessJson.Unreadable> =>
  rows.some(losesAppManifest)
    ? Result.map(LosslessJson.parse(answer.text), (json): RowDecoder => (row, path) => {
        const appManifest = LosslessJson.at(json, [...path, "release", "app_manifest"])
        return RemotePlugin.fromRow(row, appManifest && CuratedManifest.fileText(appManifest))
      })
    : Result.succeed((row) => RemotePlugin.fromRow(row))
