// Sends one trace (once as JSON, once as protobuf), some metrics and a log record, all set up by OTEL_* variables.
// Prints the trace's id; ends with 1 where an exporter fails.

import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { SeverityNumber } from "@opentelemetry/api-logs";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPTraceExporter as JsonTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { LoggerProvider, SimpleLogRecordProcessor } from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";

const failures = [];

/** The exporter, with what its server answered noted. */
function watched(exporter) {
  const send = exporter.export.bind(exporter);
  exporter.export = (items, done) =>
    send(items, (result) => {
      if (result.code !== 0) failures.push(String(result.error));
      done(result);
    });
  return exporter;
}

const resource = resourceFromAttributes({ "service.name": "js-shop", "service.instance.id": "js-1" });

const tracers = new BasicTracerProvider({
  resource,
  spanProcessors: [
    new SimpleSpanProcessor(watched(new JsonTraceExporter())),
    new SimpleSpanProcessor(watched(new ProtobufTraceExporter())),
  ],
});
const tracer = tracers.getTracer("shop", "1.0");
const root = tracer.startSpan("GET /cart", { kind: SpanKind.SERVER, attributes: { "http.request.method": "GET" } });
const child = tracer.startSpan("SELECT", { attributes: { rows: 3 } }, trace.setSpan(context.active(), root));
child.addEvent("retried", { attempt: 2 });
child.setStatus({ code: SpanStatusCode.ERROR, message: "timeout" });
child.end();
root.end();

const meters = new MeterProvider({
  resource,
  readers: [new PeriodicExportingMetricReader({ exporter: watched(new OTLPMetricExporter()) })],
});
const meter = meters.getMeter("shop");
meter.createCounter("js.orders", { unit: "{order}", description: "Orders placed." }).add(5, { country: "de" });
meter.createHistogram("js.duration", { unit: "ms" }).record(12);

const loggers = new LoggerProvider({ resource, processors: [new SimpleLogRecordProcessor(watched(new OTLPLogExporter()))] });
loggers.getLogger("shop").emit({
  severityNumber: SeverityNumber.WARN,
  severityText: "WARN",
  body: "stock is low",
  attributes: { sku: "a-1" },
  context: trace.setSpan(context.active(), root),
});

for (const provider of [tracers, meters, loggers]) await provider.forceFlush();
for (const provider of [tracers, meters, loggers]) await provider.shutdown();
console.log(root.spanContext().traceId);
if (failures.length > 0) {
  console.error(failures.join("\n"));
  process.exit(1);
}
