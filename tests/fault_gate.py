"""A gate in the line to a store: a request stands still there until the test lets it through, or drops it."""

from threading import Event

from servers.proxy import Exchange, forward


class Gate:
    """`before` and `after` are what a proxy's `breaks` wants: the server gets the request, or has carried it out,
    before the gate opens."""

    def __init__(self) -> None:
        self.reached = Event()
        self._open = Event()
        self._dropped = False

    @classmethod
    def open(cls) -> "Gate":
        """One that lets everything through."""
        gate = cls()
        gate.let_through()
        return gate

    def before(self, exchange: Exchange) -> None:
        self._stand(exchange)
        if self._dropped:
            exchange.read_body()
            exchange.hang_up()
        else:
            forward(exchange)

    def after(self, exchange: Exchange) -> None:
        response, body = exchange.ask()
        self._stand(exchange)
        if self._dropped:
            exchange.hang_up()
        else:
            exchange.answer(response.status, response.getheaders(), body)

    def let_through(self) -> None:
        self._open.set()

    def drop(self) -> None:
        self._dropped = True
        self._open.set()

    def _stand(self, exchange: Exchange) -> None:
        self.reached.set()
        while not self._open.wait(0.1):
            if exchange.proxy.closing.is_set():
                self._dropped = True
                return
