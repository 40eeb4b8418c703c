/** hono and nothing else: what start-up is held against. */
import { Hono } from "hono";

export default new Hono().get("/", ({ text }) => text("ok"));
