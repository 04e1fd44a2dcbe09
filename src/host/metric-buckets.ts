const requestSeconds = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];
const certificateSeconds = [
  0, 1800, 3600, 7200, 21_600, 43_200, 86_400, 172_800, 345_600, 604_800, 2_592_000, 7_776_000, 15_552_000, 31_104_000,
];
const admissionSeconds = [0.005, 0.025, 0.1, 0.5, 1, 2.5];
/** Where nothing else was thought of. */
const plainSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** From a thousandth, each twice the one before. */
const accessSeconds = Array.from({ length: 15 }, (_, power) => 2 ** power / 1000);
const waitSeconds = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];
const workSeconds = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10];

/** Where dashboards expect the bounds of a histogram to be. */
export const upstreamBuckets: Readonly<Record<string, readonly number[]>> = {
  apiserver_admission_controller_admission_duration_seconds: admissionSeconds,
  apiserver_admission_step_admission_duration_seconds: admissionSeconds,
  apiserver_admission_webhook_admission_duration_seconds: [...admissionSeconds, 10, 25],
  apiserver_cel_compilation_duration_seconds: plainSeconds,
  apiserver_cel_evaluation_duration_seconds: plainSeconds,
  apiserver_client_certificate_expiration_seconds: certificateSeconds,
  apiserver_flowcontrol_request_wait_duration_seconds: waitSeconds,
  apiserver_request_body_size_bytes: Array.from({ length: 31 }, (_, index) => 50_000 + 100_000 * index),
  apiserver_request_duration_seconds: requestSeconds,
  apiserver_request_sli_duration_seconds: requestSeconds,
  apiserver_response_sizes: [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9],
  apiserver_watch_events_sizes: Array.from({ length: 8 }, (_, power) => 1024 * 2 ** power),
  authentication_duration_seconds: accessSeconds,
  authorization_duration_seconds: accessSeconds,
  etcd_request_duration_seconds: requestSeconds,
  workqueue_queue_duration_seconds: workSeconds,
  workqueue_work_duration_seconds: workSeconds,
};
