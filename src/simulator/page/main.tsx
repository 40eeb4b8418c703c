/** The page: begins here, in the browser. */
import "./style.css";
import { render } from "preact";

render(<p>你好 / hello</p>, document.getElementById("app") ?? document.body);
