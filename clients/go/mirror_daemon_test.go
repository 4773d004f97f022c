package keyside

import (
	"context"
	"io"

	"google.golang.org/grpc/codes"

	pb "keyside.dev/client/internal/gen/keyside/v1"
)

// mirror turns bytes into others and back: what a scripted daemon has for a cipher.
func mirror(bytes []byte) []byte {
	turned := make([]byte, len(bytes))
	for i, b := range bytes {
		turned[i] = ^b
	}
	return turned
}

func mirrorFields(fields map[string][]byte) map[string][]byte {
	turned := make(map[string][]byte, len(fields))
	for name, value := range fields {
		turned[name] = mirror(value)
	}
	return turned
}

const mirrorHeader = "header of the object"

// mirrorDaemon keeps to the protocol and encrypts nothing.
func mirrorDaemon() *scriptedDaemon {
	return &scriptedDaemon{
		encrypt: func(_ context.Context, r *pb.EncryptRequest) (*pb.EncryptResponse, error) {
			return &pb.EncryptResponse{Edek: []byte("edek of " + r.GetTenantId()), Fields: mirrorFields(r.GetFields())}, nil
		},
		decrypt: func(_ context.Context, r *pb.DecryptRequest) (*pb.DecryptResponse, error) {
			if string(r.GetEdek()) != "edek of "+r.GetTenantId() {
				return nil, refusal(codes.InvalidArgument, "CIPHERTEXT_REJECTED", noRetry, "tenantId", r.GetTenantId())
			}
			return &pb.DecryptResponse{Fields: mirrorFields(r.GetFields())}, nil
		},
		batchEncrypt: func(_ context.Context, r *pb.BatchEncryptRequest) (*pb.BatchEncryptResponse, error) {
			response := &pb.BatchEncryptResponse{}
			for _, document := range r.GetDocuments() {
				sealed := &pb.EncryptResponse{Edek: []byte("edek of " + r.GetTenantId()), Fields: mirrorFields(document.GetFields())}
				outcome := &pb.BatchEncryptResult_Document{Document: sealed}
				response.Results = append(response.Results, &pb.BatchEncryptResult{Id: document.GetId(), Outcome: outcome})
			}
			return response, nil
		},
		encryptStream: mirrorEncryptStream,
		decryptStream: mirrorDecryptStream,
		logEvent: func(context.Context, *pb.LogSecurityEventRequest) (*pb.LogSecurityEventResponse, error) {
			return &pb.LogSecurityEventResponse{RecordId: "record-1"}, nil
		},
	}
}

func sealedOpened() *pb.EncryptStreamResponse {
	opened := &pb.EncryptStreamOpened{Edek: []byte(mirrorHeader)}
	return &pb.EncryptStreamResponse{Message: &pb.EncryptStreamResponse_Opened{Opened: opened}}
}

func sealedChunk(bytes []byte) *pb.EncryptStreamResponse {
	return &pb.EncryptStreamResponse{Message: &pb.EncryptStreamResponse_Chunk{Chunk: bytes}}
}

func plainChunk(bytes []byte) *pb.DecryptStreamResponse {
	return &pb.DecryptStreamResponse{Message: &pb.DecryptStreamResponse_Chunk{Chunk: bytes}}
}

func spansOpened(spans ...*pb.BodySpan) *pb.DecryptStreamResponse {
	return &pb.DecryptStreamResponse{Message: &pb.DecryptStreamResponse_Opened{Opened: &pb.DecryptStreamOpened{Spans: spans}}}
}

// mirrorEncryptStream seals with a header, the mirrored bytes and a dot at the end.
func mirrorEncryptStream(s encryptServer) error {
	first, err := s.Recv()
	if err != nil {
		return err
	}
	if err := s.Send(sealedOpened()); err != nil {
		return err
	}
	if !first.GetOpen().GetDetached() {
		if err := s.Send(sealedChunk([]byte(mirrorHeader))); err != nil {
			return err
		}
	}
	for {
		request, err := s.Recv()
		if err == io.EOF {
			return s.Send(sealedChunk([]byte(".")))
		}
		if err != nil {
			return err
		}
		if err := s.Send(sealedChunk(mirror(request.GetChunk()))); err != nil {
			return err
		}
	}
}

// mirrorDecryptStream takes what mirrorEncryptStream made with Detached; of a range it asks for the bytes themselves and no dot.
func mirrorDecryptStream(s decryptServer) error {
	first, err := s.Recv()
	if err != nil {
		return err
	}
	asked := first.GetOpen().GetRange()
	opened := spansOpened()
	if asked != nil {
		length := min(asked.GetLength(), asked.GetObjectSize()-min(asked.GetOffset(), asked.GetObjectSize()))
		half := length / 2
		opened = spansOpened(
			&pb.BodySpan{Offset: asked.GetOffset(), Length: half},
			&pb.BodySpan{Offset: asked.GetOffset() + half, Length: length - half},
		)
	}
	if err := s.Send(opened); err != nil {
		return err
	}
	last := byte('.')
	for {
		request, err := s.Recv()
		if err == io.EOF && (asked != nil || last == '.') {
			return nil
		}
		if err == io.EOF {
			return refusal(codes.InvalidArgument, "CIPHERTEXT_REJECTED", noRetry)
		}
		if err != nil {
			return err
		}
		chunk := request.GetChunk()
		last = chunk[len(chunk)-1]
		if asked == nil && last == '.' {
			chunk = chunk[:len(chunk)-1]
		}
		if err := s.Send(plainChunk(mirror(chunk))); err != nil {
			return err
		}
	}
}
