"""The push plugins that come with madang: `webhook`, `webpush`, `fcm` and `apns`.

Nothing is imported here. The plugins need `pip install 'madang[push]'`; `madang.push.signature`, for who receives the webhook, doesn't."""
