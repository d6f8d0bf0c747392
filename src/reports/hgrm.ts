import { hgrmText } from '../reduce/histogram.js';
import type { ResultsReporter } from './results.js';

/** `latency.hgrm`: the percentile spectrum of latency in HdrHistogram's text form, as its plotters read it. */
export const latencyHgrm: ResultsReporter = ({ latency }) => hgrmText(latency);

/** `service.hgrm`: the same of service time; wrk2 prints the two one after the other. */
export const serviceHgrm: ResultsReporter = ({ serviceTime }) => hgrmText(serviceTime);
