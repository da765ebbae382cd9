"""Base of every admin page: rows of the user's projects only, keyset pages, nothing counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from psycopg.errors import UniqueViolation
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from projects.keyset import InvalidCursor, page_of
from projects.models import Project
from projects.visibility import visible_projects

CURSOR_PARAMETER = "cursor"


def example_command(path: str, body: str) -> str:
    """A curl line that sends one record; the key comes from the reader's shell."""
    return (
        f'curl {settings.PUBLIC_URL}/api/v1/{path} -H "Authorization: Bearer $KEY" \\\n'
        f"  -H \"Content-Type: application/json\" -d '{body}'"
    )


class ProjectFilter(admin.SimpleListFilter):
    """Always one project: the first that the user sees, until another is chosen.

    The big tables' keys begin with the project, so newest-first pages are an index scan only within one.
    """

    title = "project"
    parameter_name = "project"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        self.projects = [(str(project.pk), project.name) for project in visible_projects(request.user)]
        return self.projects

    def value(self) -> str | None:
        return super().value() or (self.projects[0][0] if self.projects else None)

    def choices(self, changelist: Any) -> Iterator[Any]:
        return islice(super().choices(changelist), 1, None)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen is None:
            return queryset.none()
        if chosen not in dict(self.projects):
            raise IncorrectLookupParameters(f"no project {chosen!r}")
        return queryset.filter(project_id=int(chosen))


class KeysetPaginator(Paginator[Any]):
    """Carries the page links to the template; it never counts."""

    template_name = "admin/keyset_pagination.html"
    next_url: str | None = None
    previous_url: str | None = None

    @property
    def count(self) -> int:
        return len(self.object_list)


class KeysetChangeList(ChangeList):
    """A change list in the fixed order of `model_admin.keyset`, newest first, with next and previous only."""

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        found: dict[str, Any] = super().get_filters_params(params)
        found.pop(CURSOR_PARAMETER, None)
        return found

    def get_query_string(self, new_params: Any = None, remove: Any = None) -> str:
        if CURSOR_PARAMETER in (new_params or {}):
            text: str = super().get_query_string(new_params, remove)
        else:
            # Another filter begins on the first page.
            text = super().get_query_string({**(new_params or {}), CURSOR_PARAMETER: None}, remove)
        return text

    def get_results(self, request: HttpRequest) -> None:
        try:
            page = page_of(
                self.queryset,
                self.model_admin.keyset,
                request.GET.get(CURSOR_PARAMETER),
                self.list_per_page,
            )
        except InvalidCursor:
            raise IncorrectLookupParameters("invalid cursor") from None
        except ValueError as error:
            # A filter's value that its column can't hold shows only when the rows are read.
            raise IncorrectLookupParameters(str(error)) from None
        self.result_list = page.rows
        self.result_count = len(page.rows)
        # Equal, so that the page's head doesn't offer to show all.
        self.full_result_count = self.result_count
        self.show_full_result_count = False
        self.show_admin_actions = bool(page.rows)
        self.can_show_all = False
        self.multi_page = False
        self.paginator = KeysetPaginator(page.rows, self.list_per_page)
        self.paginator.next_url = self._url(page.next_cursor)
        self.paginator.previous_url = self._url(page.previous_cursor)

    def url_for_result(self, result: Any) -> str:
        """Names the project: ids and times may be equal in two of them."""
        return f"{super().url_for_result(result)}?{ProjectFilter.parameter_name}={result.project_id}"

    def _url(self, cursor: str | None) -> str | None:
        return self.get_query_string({CURSOR_PARAMETER: cursor}) if cursor else None


class ProjectModelAdmin(ModelAdmin):
    """Rows limited to the user's projects; `project_path` leads from the model to its project."""

    project_path: ClassVar[str] = "project"
    empty_words: ClassVar[str] = ""
    """What an empty list says: what will be here and why it is empty."""
    empty_command: ClassVar[str] = ""
    """A command that fills it, to be copied."""
    list_per_page = 50
    list_filter_sheet = False
    compressed_fields = True
    warn_unsaved_form = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        queryset: QuerySet[Any] = super().get_queryset(request)
        if request.user.is_superuser:
            return queryset
        return queryset.filter(**{f"{self.project_path}__in": visible_projects(request.user)})

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """A form whose name or slug somebody else has taken since it was checked says so, as if it had come later."""
        arguments = (request, object_id, form_url, extra_context)
        try:
            return super().changeform_view(*arguments)
        except IntegrityError as error:
            if not isinstance(error.__cause__, UniqueViolation):
                raise
            return super().changeform_view(*arguments)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.related_model is Project:
            kwargs.setdefault("queryset", visible_projects(request.user))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class ReadOnlyTelemetryAdmin(ProjectModelAdmin):
    """Telemetry is looked at, never edited: one project, newest first by `keyset`, no counts, no actions."""

    keyset: ClassVar[tuple[str, ...]]
    list_filter: Any = (ProjectFilter,)
    sortable_by: Any = ()
    actions = None

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        return KeysetChangeList

    def rows_of_page(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows among which one page looks for its id: of the project in the URL, where one is named."""
        rows = self.get_queryset(request)
        project = request.GET.get(ProjectFilter.parameter_name, "")
        if project in {str(pk) for pk in visible_projects(request.user).values_list("pk", flat=True)}:
            rows = rows.filter(project_id=int(project))
        return rows

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ()

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        # What is never edited has no history to show.
        context = {"show_history": False, **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, context)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
