/**
 * Where our app-server answers otherwise than released Codex, and why. Whatever is not here is the same, field
 * by field; the README shows this list.
 */
import type { Answer } from "./support/AppServerClient.ts"

export interface Difference {
  readonly method: string
  readonly codex: string
  readonly here: string
  readonly why: string
}

/** What only Codex can know, and what ours does on purpose. */
export const differences = {
  userAgent: {
    method: "`initialize`",
    codex: "`userAgent` names Codex, its version, the system and the terminal",
    here: "`userAgent` names this program and its version",
    why: "only Codex is Codex"
  },
  "release 0.142": {
    method: "every one",
    codex:
      "0.142 has no `plugin/reconcile`, tells no `version`, `installedAt`, `installPolicySource`, `mustShowInstallationInterstitial`, `disabledReason`, `eligiblePlanTypes`, `onboardingSkill`, `scheduledTasks`, `canPublishToWorkspace`, dark logo or icon URL, and calls each step of an uninstall `uninstall remote plugin`",
    here: "answers as 0.169 does",
    why: "a client of 0.142 passes over what it does not know"
  },
  "words of an error": {
    method: "every one",
    codex:
      "after the step that failed: the URL with its query, the status and the answer's body; or the cause in Rust's words",
    here: "after the same step, with the same code: what failed, why, and what to do",
    why: "a URL and a body may hold secrets"
  },
  "methods served": {
    method: "any other",
    codex: "names some two hundred methods that it expected",
    here: "names the six that are served",
    why: "the others are Codex's own business"
  },
  notifications: {
    method: "unasked",
    codex: "sends `configWarning` and `remoteControl/status/changed` at the start",
    here: "sends no notification",
    why: "they tell of Codex's sandbox and remote control"
  },
  "answers at the end": {
    method: "every one",
    codex: "leaves requests unanswered that are under way when stdin ends",
    here: "answers them, then ends",
    why: "a client may ask, close its end and read"
  },
  "local marketplaces": {
    method: "`plugin/read`, `plugin/install`",
    codex: "take `marketplacePath` for a local marketplace",
    here: "refuse it with -32600",
    why: "a local plugin is installed with `codex-plugins install --from`"
  },
  "localVersion of a plugin": {
    method: "`plugin/read`",
    codex:
      "0.169 repeats the backend's version as `localVersion` of every plugin that the account has installed, cached or not; 0.142 says null",
    here: "`localVersion` is the version that the cache holds",
    why: "it is what the field is there for"
  },
  "localVersion of a listing": {
    method: "`plugin/installed`",
    codex: "`localVersion` is null",
    here: "`localVersion` is the version that the cache holds",
    why: "it is what the field is there for"
  },
  "listings after a change": {
    method: "`plugin/installed`",
    codex: "may answer from before the client's own install; 0.142 does until its next pass",
    here: "knows of the client's installs and uninstalls at once",
    why: "a client shows what it has just done"
  },
  "broken versions": {
    method: "`plugin/reconcile`",
    codex: "counts a current version without a manifest as unchanged",
    here: "installs it anew and tells so in `changedPlugins`",
    why: "it cannot be loaded as it is"
  },
  "rows of another plugin": {
    method: "`plugin/read`, `plugin/install`",
    codex: "take a row whose id is not the one that was asked for",
    here: "refuse it with -32603",
    why: "its bundle would be cached under an identity that is not its own"
  },
  "rows that cannot be shown": {
    method: "`plugin/uninstall`",
    codex: "fails where the row lacks a field that is only shown",
    here: "needs none of them",
    why: "what cannot be shown can still be uninstalled"
  }
} as const satisfies Readonly<Record<string, Difference>>

export type DifferenceName = keyof typeof differences

/** Those that no single answer shows, or that hold everywhere. */
const everywhere: ReadonlySet<DifferenceName> = new Set([
  "release 0.142",
  "words of an error",
  "methods served",
  "notifications",
  "answers at the end"
])

/** Those that a step has to name where it meets them. */
export const named = Object.keys(differences).filter(
  (name) => !everywhere.has(name as DifferenceName)
) as ReadonlyArray<DifferenceName>

/** What a message says after these is in each program's own words. */
const steps =
  /^(read remote plugin details(?: before install)?|install remote plugin(?: bundle)?|(?:resolve|uninstall) remote plugin(?: before uninstall)?|failed to reconcile remote installed plugins): .*$/s

/** Fields of 0.169's answers that 0.142 does not have, or never fills. */
const since142: ReadonlySet<string> = new Set([
  "localVersion",
  "version",
  "installedAt",
  "installPolicySource",
  "mustShowInstallationInterstitial",
  "disabledReason",
  "eligiblePlanTypes",
  "logoDark",
  "logoUrlDark",
  "iconSmallUrl",
  "iconLargeUrl",
  "onboardingSkill",
  "scheduledTasks",
  "canPublishToWorkspace"
])

const without = (value: unknown, isLeftOut: (key: string) => boolean): unknown => {
  if (Array.isArray(value)) return value.map((item) => without(item, isLeftOut))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) =>
      isLeftOut(key) ? [] : [[key, without(member, isLeftOut)]]
    )
  )
}

const messageOf = (message: string): string =>
  message.replace(steps, "$1").replace(/(unknown variant `.*?`), expected one of .*$/, "$1")

/** An answer as it is compared: without what differs everywhere. */
export const comparable = (answer: Answer, home: string): unknown => {
  const text = JSON.stringify(answer.result)?.replaceAll(home, "<home>")
  return answer.error === undefined
    ? { result: text === undefined ? undefined : (JSON.parse(text) as unknown) }
    : { error: { code: answer.error.code, message: messageOf(answer.error.message) } }
}

/** An answer of 0.169's shape as 0.142 would give it. */
export const as142 = (answer: unknown): unknown => {
  const shown = without(answer, (key) => since142.has(key)) as {
    readonly error?: { readonly code: number; readonly message: string }
  }
  return shown.error?.message === "resolve remote plugin before uninstall"
    ? { error: { ...shown.error, message: "uninstall remote plugin" } }
    : shown
}

/** Leaves out of an answer what a difference is about; undefined is what is incomparable altogether. */
export const leaveOut = (answer: unknown, name: DifferenceName): unknown => {
  switch (name) {
    case "userAgent":
      return without(answer, (key) => key === "userAgent")
    case "localVersion of a plugin":
    case "localVersion of a listing":
      return without(answer, (key) => key === "localVersion")
    default:
      return undefined
  }
}

const cell = (text: string): string => text.replaceAll("|", "\\|")

/** The table, as it stands in the README. */
export const markdown: string = [
  "| method | Codex | here | why |",
  "| --- | --- | --- | --- |",
  ...Object.values(differences).map(
    ({ codex, here, method, why }) =>
      `| ${cell(method)} | ${cell(codex)} | ${cell(here)} | ${cell(why)} |`
  )
].join("\n")
