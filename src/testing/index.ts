/**
 * What tests of a host need: an account's backend inside the process.
 */
export * as TestAccount from "./TestAccount.ts"
export * as TestBackend from "./TestBackend.ts"
export * as TestBundle from "./TestBundle.ts"
export * as TestPlugin from "./TestPlugin.ts"
export * as TestReply from "./TestReply.ts"
export * as TestRequest from "./TestRequest.ts"
