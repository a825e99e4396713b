//! Fuzzing of OTLP: what a request says, however it is cut.

use otlp::fuzzing::fields;

/// A span, metric, log record or profile, and what lies around it: the fields of its scope, resource and request that
/// are no units.
pub type Unit = (Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>);

/// Appends those of a request, in their order.
pub fn units(request: &[u8], found: &mut Vec<Unit>) {
    let of_request = own(request, 1);
    for resource in children(request, 1) {
        let of_resource = own(resource, 2);
        for scope in children(resource, 2) {
            let of_scope = own(scope, 2);
            for unit in children(scope, 2) {
                found.push((of_request.clone(), of_resource.clone(), of_scope.clone(), unit.to_vec()));
            }
        }
    }
}

fn children(message: &[u8], child: u64) -> impl Iterator<Item = &[u8]> {
    let found = fields(message).filter(move |field| field.0 == child && field.1 == 2);
    found.map(|(_, _, _, body, to)| &message[body..to])
}

fn own(message: &[u8], child: u64) -> Vec<u8> {
    let found = fields(message).filter(|field| field.0 != child);
    found.flat_map(|(_, _, from, _, to)| message[from..to].to_vec()).collect()
}
