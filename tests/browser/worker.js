import { checks } from "./engine-checks.js";

self.postMessage(await checks());
