/**
 * The error of a bundle that was not installed.
 */
import { Duration, PlatformError, Schema } from "effect"
import * as PluginId from "../../PluginId.ts"
import * as PluginManifest from "../../PluginManifest.ts"
import * as Http from "../http.ts"
import { describe } from "../platformError.ts"
import { BundleArchiveError } from "./archiveError.ts"
import { idleTimeLimit, minimumRate, rateWindow } from "./transfer.ts"

/**
 * The maximum number of redirects.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxRedirects = 10

/**
 * A bundle could not be downloaded or extracted. The cache is unchanged.
 *
 * @category errors
 * @since 0.1.0
 */
export class RemoteBundleError extends Schema.TaggedError<RemoteBundleError>()(
  "RemoteBundleError",
  {
    remotePluginId: Schema.String,
    pluginId: PluginId.PluginId,
    /** Without credentials and query; null if it is not a URL. */
    url: Schema.NullOr(Schema.String),
    reason: Schema.TaggedUnion({
      ...Http.Failure,
      /** The URL, or one that it redirects to, is unsafe. Nothing was sent to it. */
      UnsafeUrl: {
        url: Schema.NullOr(Schema.String),
        problem: Schema.Literals(["NotAUrl", "NotHttps", "Credentials"])
      },
      TooManyRedirects: {},
      /** 401, 403, 404 or 410: signed links expire. */
      Expired: { status: Schema.Int },
      Rejected: { status: Schema.Int },
      /** The host announced more bytes than a bundle may have. */
      TooLarge: { bytes: Schema.Number, most: Schema.Number },
      /** The body is shorter or longer than the host announced. */
      WrongLength: { announced: Schema.Number },
      /** No byte arrived for {@link idleTimeLimit}. */
      Stalled: {},
      /** Less than {@link minimumRate} bytes per second arrived for {@link rateWindow}. */
      TooSlow: {},
      /** It is not an archive that can be extracted. */
      InvalidArchive: { cause: BundleArchiveError },
      /** Its manifest is missing or invalid, or another plugin's. The cause's path is below the bundle. */
      InvalidManifest: { cause: PluginManifest.InvalidManifest },
      /** A file system call failed. */
      FileSystem: { cause: Schema.instanceOf(PlatformError.PlatformError) }
    })
  }
) {
  override get message(): string {
    const source = this.url === null ? "" : ` from ${this.url}`
    return `cannot ${this.step} the bundle of ${this.pluginId} (${this.remotePluginId})${source}: ${this.why}`
  }

  private get step(): string {
    switch (this.reason._tag) {
      case "InvalidArchive":
      case "InvalidManifest":
        return "use"
      case "FileSystem":
        return "unpack"
      default:
        return "fetch"
    }
  }

  private get why(): string {
    if (Http.isFailure(this.reason)) return `its host ${Http.describe(this.reason)}`
    switch (this.reason._tag) {
      case "UnsafeUrl": {
        const subject =
          this.reason.url === this.url
            ? "the URL"
            : `it redirects to ${this.reason.url ?? "a URL"}, which`
        return `${subject} ${urlProblems[this.reason.problem]}`
      }
      case "TooManyRedirects":
        return `it redirects more than ${maxRedirects} times`
      case "Expired":
        return `its host answered ${this.reason.status}: the link may have expired; sync again to get a new one`
      case "Rejected":
        return `its host answered ${this.reason.status}`
      case "TooLarge":
        return `it has ${this.reason.bytes} bytes, more than the ${this.reason.most} that a bundle may have`
      case "WrongLength":
        return `it does not have the ${this.reason.announced} bytes that its host announced; try again`
      case "Stalled":
        return `no byte arrived for ${Duration.format(idleTimeLimit)}; try again later`
      case "TooSlow":
        return `less than ${minimumRate / 1000} kB/s arrived for ${Duration.format(rateWindow)}; try again on a faster connection`
      case "InvalidArchive":
        return this.reason.cause.why
      case "InvalidManifest":
        return this.reason.cause.reason._tag === "Missing"
          ? `it has no plugin manifest: looked for ${PluginManifest.paths.join(", ")}`
          : this.reason.cause.message
      case "FileSystem":
        return describe(this.reason.cause)
    }
  }
}

const urlProblems = {
  NotAUrl: "is malformed",
  NotHttps: "is not https",
  Credentials: "holds credentials"
}

export type Reason = RemoteBundleError["reason"]
