"""The application for an ASGI server: `python -m uvicorn news.asgi:application`."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "news.settings")
application = get_asgi_application()
