//! Interchange with the field's tools: workloads of Timeloop and ZigZag in, mappings in Timeloop's form out.
