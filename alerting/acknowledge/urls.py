from __future__ import annotations

from django.urls import path

from alerting.acknowledge.views import AcknowledgeView

urlpatterns = [path("acknowledge/<str:token>/", AcknowledgeView.as_view(), name="acknowledge")]
