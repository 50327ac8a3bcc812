"""A headless Chromium that a test drives through its DevTools pipe: real sizes, day and night, scripts on or off.

`complaints` is all that the console was told, refused by a policy or thrown; nothing in it is what tests want.
"""

import json
import os
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_LIMIT = 60_000  # milliseconds, for what a test waits for


class Browser:
    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._out, self._in = to_browser, from_browser
        self._buffer, self._count = b"", 0
        self.complaints: list[str] = []
        self._events: list[dict[str, Any]] = []
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable")

    def look(self, width: int, height: int, *, night: bool = False, scripts: bool = True) -> None:
        """As a device of that size would, from the next page on."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._ask("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if night else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])
        self._ask("Emulation.setScriptExecutionDisabled", value=not scripts)

    def sign_in(self, token: str) -> None:
        self._ask("Network.setExtraHTTPHeaders", headers={"Authorization": f"Bearer {token}"} if token else {})

    def live_in(self, zone: str) -> None:
        """The machine's own zone if it is empty."""
        self._ask("Emulation.setTimezoneOverride", timezoneId=zone)

    def allow_clipboard(self, url: str) -> None:
        rights = ["clipboardReadWrite", "clipboardSanitizedWrite"]
        self._ask("Browser.grantPermissions", origin=url.rstrip("/"), permissions=rights)

    def open(self, url: str) -> None:
        self._events.clear()
        self._ask("Page.navigate", url=url)
        self._wait("Page.loadEventFired")

    def run(self, script: str) -> Any:
        """The value of an expression; a promise is waited for."""
        answer = self._ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def wait_for(self, condition: str) -> None:
        """Until an expression is true. It is looked at whenever the page draws."""
        self.run(
            f"""new Promise((yes, no) => {{
                const look = () => ({condition}) ? (clearInterval(again), yes()) : 0;
                const again = setInterval(look, 50);
                setTimeout(() => (clearInterval(again), no(new Error(document.body.innerText))), {_LIMIT});
                look();
            }})"""
        )

    def come_back(self) -> None:
        """To the tab, as if it had been hidden."""
        self.run("document.dispatchEvent(new Event('visibilitychange'))")

    def press(self, key: str, text: str = "") -> None:
        for kind in ("keyDown", "keyUp"):
            self._ask("Input.dispatchKeyEvent", type=kind, key=key, **({"text": text} if text else {}))

    def photograph(self, path: Path, whole: bool = True) -> None:
        path.write_bytes(b64decode(self._ask("Page.captureScreenshot", captureBeyondViewport=whole)["data"]))

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._count += 1
        number = self._count
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if hasattr(self, "_session"):
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != number:
            self._events.append(answer)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _wait(self, method: str) -> None:
        while not any(each.get("method") == method for each in self._events):
            self._events.append(self._read())

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            more = os.read(self._in, 1 << 16)
            if not more:
                raise AssertionError("the browser has gone")
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        self._listen(message)
        return message

    def _listen(self, message: dict[str, Any]) -> None:
        told = message.get("params", {})
        match message.get("method"):
            case "Log.entryAdded":
                self.complaints.append(f"{told['entry']['level']}: {told['entry']['text']}")
            case "Runtime.consoleAPICalled":
                self.complaints.append(f"{told['type']}: {told['args']}")
            case "Runtime.exceptionThrown":
                self.complaints.append(f"thrown: {told['exceptionDetails']}")


@contextmanager
def open_browser(folder: Path) -> Iterator[Browser]:
    """It reads orders from its descriptor 3 and answers on 4."""
    orders_out, orders_in = os.pipe()
    answers_out, answers_in = os.pipe()
    chromium = (
        f"exec chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars"
        f" --no-first-run --remote-debugging-pipe --user-data-dir='{folder}' 3<&{orders_out} 4>&{answers_in}"
    )
    log = (folder / "stderr").open("wb")
    child = subprocess.Popen(["bash", "-c", chromium], pass_fds=(orders_out, answers_in), stdout=log, stderr=log)
    os.close(orders_out)
    os.close(answers_in)
    try:
        yield Browser(orders_in, answers_out)
    finally:
        os.close(orders_in)  # then it ends by itself
        os.close(answers_out)
        child.terminate()
        child.wait()
        log.close()
