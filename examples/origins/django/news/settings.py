"""The settings. GRIP_URL comes from the environment, as README.md says."""

import os
from pathlib import Path

from django.core.management.utils import get_random_secret_key
from gripcontrol import parse_grip_uri

# django-grip publishes to this URL, and verifies Grip-Sig with its keys. If a part is missing, it trusts everybody or nobody.
GRIP_URL = os.environ.get("GRIP_URL", "")
if not {"key", "verify_key", "verify_iss"} <= parse_grip_uri(GRIP_URL).keys():
    raise SystemExit("GRIP_URL needs verify-key and verify-iss, and key, as `fanroute grip-url` prints them, to check Grip-Sig.")

# django-eventstream signs its links with it. Set it if there are several processes, or if links must outlive a restart.
SECRET_KEY = os.environ.get("SECRET_KEY") or get_random_secret_key()
# Clients reach the application through the edge, which decides on hosts.
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["django_eventstream"]
MIDDLEWARE = ["django_grip.GripMiddleware"]
ROOT_URLCONF = "news.urls"
EVENTSTREAM_STORAGE_CLASS = "django_eventstream.storage.DjangoModelStorage"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(__file__).parent.parent / "db.sqlite3",
        # Two messages at once wait for each other.
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
    }
}
USE_TZ = True
