/** The entry of the page: it dials the listener that served it, and shows what happens. */
import { Dialing } from './panels/dialing.js'
import { EchoPanel } from './panels/echo.js'
import { byId, show } from './panels/elements.js'
import { ListenerPanel } from './panels/connections.js'
import { PingPanel } from './panels/ping.js'
import { Timeline } from './panels/timeline.js'
import { TransferPanel } from './panels/transfer.js'
import { missing } from './panels/words.js'

const listener = new ListenerPanel()
const panels = { ping: new PingPanel(), others: [new TransferPanel(), new EchoPanel()] }
const dialing = new Dialing(new Timeline(), listener, panels)

await listener.start()
const lacking = missing()
if (lacking === null && listener.address !== null) {
  await dialing.dial()
} else {
  byId('status').dataset.state = 'failed'
  show(byId('status-text'), 'Not connected')
  byId('problem').hidden = false
  show(byId('problem'), lacking ?? 'The listener did not say where it listens. Reload the page.')
}
