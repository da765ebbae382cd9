"""Base of the read views: one project, newest first, keyset pages, strict filters."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Model, QuerySet
from rest_framework import mixins, viewsets
from rest_framework.request import Request

from projects.api.authentication import KeyRateThrottle, project_id_of
from projects.api.filters import StrictFilterBackend, refuse_parameters
from projects.api.pagination import KeysetPagination


class ProjectReadViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Any]):
    """Lists a model of the key's project. Subclasses name `model`, `keyset`, `serializer_class`, `filterset_class`."""

    model: ClassVar[type[Model]]
    keyset: ClassVar[tuple[str, ...]]
    pagination_class = KeysetPagination
    filter_backends = [StrictFilterBackend]
    throttle_classes = [KeyRateThrottle]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.action != "list":
            refuse_parameters(request)

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return self.model._default_manager.none()
        return self.model._default_manager.filter(project_id=project_id_of(self.request))
