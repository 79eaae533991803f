"""The push plugins that come with madang: `webhook`, `webpush`, `fcm` and `apns`.

Nothing is imported here. The plugins need `pip install 'madang[push]'`; `madang.push.signature`, for who receives the webhook, doesn't."""

# As the entry points of the package say, which isn't installed everywhere it is used (PYTHONPATH); a test compares the two.
SHIPPED = {
    "apns": "madang.push.apns:Apns",
    "fcm": "madang.push.fcm:Fcm",
    "webhook": "madang.push.webhook:Webhook",
    "webpush": "madang.push.webpush:WebPush",
}
