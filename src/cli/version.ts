export { version } from "../internal/version.ts"
