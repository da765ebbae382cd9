from __future__ import annotations

import re
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from alerting.channels.forms import ChannelConfigForm


class EmailConfigForm(ChannelConfigForm):
    """Addresses, one a line."""

    kind_name = "email"

    recipients = forms.CharField(
        # Whether it may be empty is for the configuration to say, once for form and API.
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="Mail addresses, one a line. Each gets a mail of its own, with its own link to acknowledge.",
    )

    @classmethod
    def config_fields(cls) -> tuple[str, ...]:
        return ("recipients",)

    def shown(self, name: str, value: Any) -> Any:
        return "\n".join(value)

    def entered(self) -> dict[str, Any]:
        words = re.split(r"[\s,;]+", self.cleaned_data.get("recipients", ""))
        return {"recipients": [word for word in words if word]}
