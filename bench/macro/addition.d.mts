import type { ResultRecord } from '../report/report.mjs'

export declare function added(previous: ResultRecord | undefined, record: ResultRecord): ResultRecord
