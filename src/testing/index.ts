/**
 * For tests of a host: a disk in memory, a backend inside the process, and every service on top of
 * them.
 */
export * as MemoryFileSystem from "./MemoryFileSystem.ts"
export * as TestAccount from "./TestAccount.ts"
export * as TestBackend from "./TestBackend.ts"
export * as TestBundle from "./TestBundle.ts"
export * as TestCodexPlugins from "./TestCodexPlugins.ts"
export * as TestPlugin from "./TestPlugin.ts"
export * as TestReply from "./TestReply.ts"
export * as TestRequest from "./TestRequest.ts"
