import { setReusableSandboxOptions } from "fastly:experimental";
import "./app.js";

// 0: as many requests as the platform gives to a sandbox.
setReusableSandboxOptions({ maxRequests: 0 });
