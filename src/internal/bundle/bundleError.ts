/**
 * The error of a bundle that was not installed.
 */
import { Duration, PlatformError, Schema } from "effect"
import * as PluginId from "../../PluginId.ts"
import * as PluginManifest from "../../PluginManifest.ts"
import * as Http from "../http.ts"
import * as Message from "../message.ts"
import { explain } from "../platformError.ts"
import { BundleArchiveError, isDamaged } from "./archiveError.ts"
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
    return Message.format(this.explanation)
  }

  /** The parts of the message. */
  get explanation(): Message.Explanation {
    const source = this.url === null ? "" : ` from ${this.url}`
    const { remedy, why } = this.reasoning
    return Message.because(
      `cannot ${this.step} the bundle of ${this.pluginId} (${this.remotePluginId})${source}`,
      why,
      remedy
    )
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

  private get reasoning(): Message.Reasoning {
    const because = Message.reasoning
    if (Http.isFailure(this.reason)) {
      const { remedy, why } = Http.explain(this.reason)
      return because(`its host ${why}`, remedy)
    }
    switch (this.reason._tag) {
      case "UnsafeUrl": {
        const subject =
          this.reason.url === this.url
            ? "the URL"
            : `it redirects to ${this.reason.url ?? "a URL"}, which`
        return because(`${subject} ${urlProblems[this.reason.problem]}`)
      }
      case "TooManyRedirects":
        return because(`it redirects more than ${maxRedirects} times`)
      case "Expired":
        return because(
          `its host answered ${this.reason.status}: the link may have expired`,
          "sync again to get a new one"
        )
      case "Rejected":
        return because(`its host answered ${this.reason.status}`)
      case "TooLarge":
        return because(
          `it has ${this.reason.bytes} bytes, more than the ${this.reason.most} that a bundle may have`
        )
      case "WrongLength":
        return because(
          `it does not have the ${this.reason.announced} bytes that its host announced`,
          "try again"
        )
      case "Stalled":
        return because(`no byte arrived for ${Duration.format(idleTimeLimit)}`, "try again later")
      case "TooSlow":
        return because(
          `less than ${minimumRate / 1000} kB/s arrived for ${Duration.format(rateWindow)}`,
          "try again on a faster connection"
        )
      case "InvalidArchive":
        return because(
          this.reason.cause.explanation.why,
          isDamaged(this.reason.cause) ? "try again later" : null
        )
      case "InvalidManifest":
        return because(
          this.reason.cause.reason._tag === "Missing"
            ? `it has no plugin manifest: looked for ${PluginManifest.paths.join(", ")}`
            : this.reason.cause.message
        )
      case "FileSystem":
        return explain(this.reason.cause)
    }
  }
}

const urlProblems = {
  NotAUrl: "is malformed",
  NotHttps: "is not https",
  Credentials: "holds credentials"
}

export type Reason = RemoteBundleError["reason"]
