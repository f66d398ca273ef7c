//! ISO base media files as trees of boxes (ISO/IEC 14496-12), to change one box and write the rest again.

/// One box: its four letters and what is in it.
#[derive(Clone)]
pub struct Node {
    pub kind: [u8; 4],
    pub content: Content,
}

#[derive(Clone)]
pub enum Content {
    Bytes(Vec<u8>),
    Boxes(Vec<Node>),
}

const HOLDS_BOXES: [&[u8; 4]; 6] = [b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl"];

/// Boxes of 32-bit sizes, as ffmpeg writes small files.
pub fn parse(mut bytes: &[u8]) -> Vec<Node> {
    let mut nodes = Vec::new();
    while let Some((head, _)) = bytes.split_at_checked(8) {
        let size = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let kind = [head[4], head[5], head[6], head[7]];
        let payload = &bytes[8..size];
        let content = if HOLDS_BOXES.contains(&&kind) {
            Content::Boxes(parse(payload))
        } else {
            Content::Bytes(payload.to_vec())
        };
        nodes.push(Node { kind, content });
        bytes = &bytes[size..];
    }
    nodes
}

pub fn write(nodes: &[Node]) -> Vec<u8> {
    nodes.iter().flat_map(Node::write).collect()
}

impl Node {
    pub fn bytes(kind: &[u8; 4], payload: impl Into<Vec<u8>>) -> Self {
        Self { kind: *kind, content: Content::Bytes(payload.into()) }
    }

    pub fn boxes(kind: &[u8; 4], boxes: Vec<Self>) -> Self {
        Self { kind: *kind, content: Content::Boxes(boxes) }
    }

    fn write(&self) -> Vec<u8> {
        let payload = match &self.content {
            Content::Bytes(bytes) => bytes.clone(),
            Content::Boxes(boxes) => write(boxes),
        };
        let size = u32::try_from(payload.len() + 8).expect("a small box");
        [&size.to_be_bytes()[..], &self.kind, &payload].concat()
    }
}

/// The first box at a path such as `moov/trak/mdia`.
pub fn at<'a>(nodes: &'a mut [Node], path: &str) -> &'a mut Node {
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    let missing = || panic!("there is no {path}");
    let node = nodes.iter_mut().find(|node| node.kind == first.as_bytes()).unwrap_or_else(missing);
    if rest.is_empty() { node } else { at(boxes_of(node), rest) }
}

pub fn boxes_of(node: &mut Node) -> &mut Vec<Node> {
    match &mut node.content {
        Content::Boxes(boxes) => boxes,
        Content::Bytes(_) => panic!("the box holds no boxes"),
    }
}

/// The file with one box changed in place: `change` gets its payload.
pub fn changed(file: &[u8], path: &str, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut nodes = parse(file);
    match &mut at(&mut nodes, path).content {
        Content::Bytes(payload) => change(payload),
        Content::Boxes(_) => panic!("{path} holds boxes"),
    }
    write(&nodes)
}

/// The file with these bytes written over a box's payload from `offset` on.
pub fn patched(file: &[u8], path: &str, offset: usize, bytes: &[u8]) -> Vec<u8> {
    changed(file, path, |payload| payload[offset..offset + bytes.len()].copy_from_slice(bytes))
}
