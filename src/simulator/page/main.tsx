/** The page: begins here, in the browser. */
import "./style.css";
import { render } from "preact";
import { App } from "./app.tsx";
import { language, words } from "./spoken.ts";

document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
document.title = words.title;
render(<App />, document.getElementById("app") ?? document.body);
