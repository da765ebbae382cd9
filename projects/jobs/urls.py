from __future__ import annotations

from django.contrib import admin
from django.urls import path

from projects.jobs import views

urlpatterns = [
    path("", admin.site.admin_view(views.JobsPage.as_view()), name="jobs"),
    path("start/", admin.site.admin_view(views.start), name="start_job"),
    path("<int:job_id>/", admin.site.admin_view(views.JobPage.as_view()), name="job"),
    path("<int:job_id>/cancel/", admin.site.admin_view(views.cancel), name="cancel_job"),
    path("<int:job_id>/retry/", admin.site.admin_view(views.retry), name="retry_job"),
    path("<int:job_id>/result/", admin.site.admin_view(views.download), name="job_result"),
    path("<int:job_id>/delete/", admin.site.admin_view(views.delete_result), name="delete_job_result"),
]
