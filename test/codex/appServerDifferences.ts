/**
 * The deliberate differences between our app-server and that of released Codex, with reasons. All other answers
 * are equal field by field. `docs/app-server.md` shows this list.
 */
import type { Answer } from "./support/AppServerClient.ts"

export interface Difference {
  readonly method: string
  readonly codex: string
  readonly here: string
  readonly why: string
}

/** By name. */
export const differences = {
  userAgent: {
    method: "`initialize`",
    codex: "`userAgent` names Codex, its version, the system and the terminal",
    here: "`userAgent` names this program and its version",
    why: "this program is not Codex"
  },
  "release 0.142": {
    method: "all",
    codex:
      "0.142 has no `plugin/reconcile`; gives no `version`, `installedAt`, `installPolicySource`, `mustShowInstallationInterstitial`, `disabledReason`, `eligiblePlanTypes`, `onboardingSkill`, `scheduledTasks`, `canPublishToWorkspace`, featured plugins, dark logo or icon URL; and names each step of an uninstall `uninstall remote plugin`",
    here: "answers as 0.169 does",
    why: "a client of 0.142 ignores fields that it does not know"
  },
  "words of an error": {
    method: "all",
    codex:
      "appends to the failed step the URL with its query, the status and the body of the answer, or a Rust error",
    here: "appends to the same step, with the same code, what failed, why, and what to do",
    why: "URLs and bodies may contain secrets"
  },
  "methods served": {
    method: "any other",
    codex: "lists some two hundred methods that it expected",
    here: "lists the methods that it serves",
    why: "the others belong to Codex"
  },
  notifications: {
    method: "unasked",
    codex: "sends `configWarning` and `remoteControl/status/changed` at the start",
    here: "sends no notification",
    why: "they concern Codex's sandbox and remote control"
  },
  "answers at the end": {
    method: "all",
    codex: "drops pending requests when stdin ends",
    here: "answers them, then ends",
    why: "a client may ask, close its end and read"
  },
  "local marketplaces": {
    method: "`plugin/read`, `plugin/install`",
    codex: "accept `marketplacePath` for a local marketplace",
    here: "reject it with -32600",
    why: "`codex-plugins install --from` installs a local plugin"
  },
  "localVersion of a plugin": {
    method: "`plugin/read`, `plugin/list`",
    codex:
      "0.169 gives the backend's version as `localVersion` of every installed plugin, cached or not; 0.142 gives null",
    here: "`localVersion` is the cached version",
    why: "the field's name says so"
  },
  "localVersion of a listing": {
    method: "`plugin/installed`",
    codex: "`localVersion` is null",
    here: "`localVersion` is the cached version",
    why: "the field's name says so"
  },
  "listings after a change": {
    method: "`plugin/installed`",
    codex:
      "may answer with the state before the client's own install; 0.142 does until its next pass",
    here: "answers with the client's own installs and uninstalls at once",
    why: "a client shows what it has just done"
  },
  "age of the catalogue": {
    method: "`plugin/list`",
    codex:
      "0.142 keeps the curated plugins from its start, and 0.169 all but the shared plugins from the first request",
    here: "asks the backend for each request",
    why: "a client shows what can be installed now"
  },
  "rows of the catalogue that cannot be shown": {
    method: "`plugin/list`",
    codex: "leave out all curated plugins, or refuse the request, for one row that lacks a field",
    here: "leaves out the row",
    why: "one plugin does not hide the others"
  },
  "broken versions": {
    method: "`plugin/reconcile`",
    codex: "counts a current version without a manifest as unchanged",
    here: "reinstalls it and reports it in `changedPlugins`",
    why: "Codex cannot load it"
  },
  "rows of another plugin": {
    method: "`plugin/read`, `plugin/install`",
    codex: "accept a row with another id than the requested one",
    here: "reject it with -32603",
    why: "the bundle would be cached under another plugin's identity"
  },
  "rows that cannot be shown": {
    method: "`plugin/uninstall`",
    codex: "fails if the row lacks a field that is only displayed",
    here: "needs none of these fields",
    why: "a plugin can be uninstalled without being displayed"
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

/** After these words, each program phrases its message differently. */
const steps =
  /^(list remote plugin catalog|read remote plugin details(?: before install)?|install remote plugin(?: bundle)?|(?:resolve|uninstall) remote plugin(?: before uninstall)?|failed to reconcile remote installed plugins): .*$/s

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
  "canPublishToWorkspace",
  "featuredPluginIds"
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

/** The table in `docs/app-server.md`. */
export const markdown: string = [
  "| method | Codex | here | why |",
  "| --- | --- | --- | --- |",
  ...Object.values(differences).map(
    ({ codex, here, method, why }) =>
      `| ${cell(method)} | ${cell(codex)} | ${cell(here)} | ${cell(why)} |`
  )
].join("\n")
