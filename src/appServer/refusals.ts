/**
 * The error responses to requests that failed, with Codex's own messages.
 */
import * as CodexHome from "../CodexHome.ts"
import * as PluginInstaller from "../PluginInstaller.ts"
import type * as PluginStore from "../PluginStore.ts"
import * as RemoteCatalog from "../RemoteCatalog.ts"
import type * as RemotePlugin from "../RemotePlugin.ts"
import * as Protocol from "./Protocol.ts"

type Failure =
  | RemoteCatalog.CatalogError
  | PluginInstaller.ReadError
  | PluginInstaller.InstallError
  | PluginInstaller.UninstallError

/** Codex reports these errors as mistakes of the client. */
const isClientError = (error: unknown): boolean => {
  if (error instanceof RemoteCatalog.RemoteCatalogError) {
    return error.reason._tag === "NotFound" || error.reason._tag === "UnaddressableId"
  }
  if (error instanceof PluginInstaller.PartialChange) return isClientError(error.cause)
  return error instanceof CodexHome.NotSignedIn
}

export const refusal = (step: string, error: Failure): Protocol.Refusal =>
  new Protocol.Refusal({
    code: isClientError(error) ? Protocol.invalidRequest : Protocol.internalError,
    message: `${step}: ${error.message}`
  })

export const failed = (step: string, { message }: { readonly message: string }): Protocol.Refusal =>
  new Protocol.Refusal({ code: Protocol.internalError, message: `${step}: ${message}` })

export const readRefused = (error: PluginInstaller.ReadError) =>
  refusal("read remote plugin details", error)

export const listRefused = (
  error: RemoteCatalog.CatalogError | PluginStore.PluginStoreError
): Protocol.Refusal => refusal("list remote plugin catalog", error)

/** Codex detects these problems of a row only when it downloads the bundle. */
const isAboutBundle = ({ reason }: RemotePlugin.InvalidRemotePlugin): boolean =>
  reason._tag === "MissingVersion" ||
  reason._tag === "InvalidVersion" ||
  reason._tag === "MissingBundleUrl"

export const installRefused = (error: PluginInstaller.InstallError): Protocol.Refusal => {
  const reading = () => refusal("read remote plugin details before install", error)
  switch (error._tag) {
    case "NotInstallable":
      return Protocol.refuse(
        error.reason === "DisabledByAdmin"
          ? `remote plugin ${error.remotePluginId} is disabled by admin`
          : `remote plugin ${error.remotePluginId} is not available for install`
      )
    case "PartialChange":
      return refusal("install remote plugin", error)
    case "CodexHomeError":
    case "NotSignedIn":
    case "RemoteCatalogError":
      return reading()
    case "InvalidRemotePlugin":
      if (!isAboutBundle(error)) return reading()
  }
  return refusal("install remote plugin bundle", error)
}

export const uninstallRefused = (error: PluginInstaller.UninstallError): Protocol.Refusal => {
  const isRead =
    error._tag === "RemoteCatalogError"
      ? error.operation === "read"
      : error._tag !== "PartialChange"
  const step = isRead ? "resolve remote plugin before uninstall" : "uninstall remote plugin"
  return refusal(step, error)
}
