"""The paths."""

from django.urls import path
from django_eventstream.views import events

from news import views

urlpatterns = [
    path("events", views.for_fanout(events), {"channels": [views.CHANNEL]}),
    path("poll", views.poll),
    path("socket", views.socket),
    path("messages", views.send),
    path("whoami", views.whoami),
]
