// SPDX-License-Identifier: BSD-3-Clause
// Generated from host/mpi/abi by generate.py: do not edit.
// clang-format off
// The functions of the core: MPI_Name and MPI_Name_c call tally::mpi::Name.
//
// They throw Error. A function whose MPI name returns an error code returns nothing. Counts are MPI_Count; arrays of counts and
// displacements are Counts. Arguments are as the program gave them: the core checks them.
#pragma once

#include "mpi_api.h"

#include "core/counts.hpp"

// The front declares them weak: a function that the core does not have is told as unsupported.
#ifndef TALLY_MPI_CORE_FUNCTION
#define TALLY_MPI_CORE_FUNCTION
#endif

namespace tally::mpi {

// environment
TALLY_MPI_CORE_FUNCTION void Abort(MPI_Comm comm, int errorcode);
TALLY_MPI_CORE_FUNCTION void Alloc_mem(MPI_Aint size, MPI_Info info, void* baseptr);
TALLY_MPI_CORE_FUNCTION void Finalize();
TALLY_MPI_CORE_FUNCTION void Finalized(int* flag);
TALLY_MPI_CORE_FUNCTION void Free_mem(void* base);
TALLY_MPI_CORE_FUNCTION void Get_hw_resource_info(MPI_Info* hw_info);
TALLY_MPI_CORE_FUNCTION void Get_library_version(char* version, int* resultlen);
TALLY_MPI_CORE_FUNCTION void Get_processor_name(char* name, int* resultlen);
TALLY_MPI_CORE_FUNCTION void Get_version(int* version, int* subversion);
TALLY_MPI_CORE_FUNCTION void Init(int* argc, char*** argv);
TALLY_MPI_CORE_FUNCTION void Init_thread(int* argc, char*** argv, int required, int* provided);
TALLY_MPI_CORE_FUNCTION void Initialized(int* flag);
TALLY_MPI_CORE_FUNCTION void Is_thread_main(int* flag);
TALLY_MPI_CORE_FUNCTION void Pcontrol(int level);
TALLY_MPI_CORE_FUNCTION void Query_thread(int* provided);
TALLY_MPI_CORE_FUNCTION double Wtick();
TALLY_MPI_CORE_FUNCTION double Wtime();

// errors
TALLY_MPI_CORE_FUNCTION void Add_error_class(int* errorclass);
TALLY_MPI_CORE_FUNCTION void Add_error_code(int errorclass, int* errorcode);
TALLY_MPI_CORE_FUNCTION void Add_error_string(int errorcode, const char* string);
TALLY_MPI_CORE_FUNCTION void Comm_call_errhandler(MPI_Comm comm, int errorcode);
TALLY_MPI_CORE_FUNCTION void Comm_create_errhandler(MPI_Comm_errhandler_function* comm_errhandler_fn, MPI_Errhandler* errhandler);
TALLY_MPI_CORE_FUNCTION void Comm_get_errhandler(MPI_Comm comm, MPI_Errhandler* errhandler);
TALLY_MPI_CORE_FUNCTION void Comm_set_errhandler(MPI_Comm comm, MPI_Errhandler errhandler);
TALLY_MPI_CORE_FUNCTION void Errhandler_free(MPI_Errhandler* errhandler);
TALLY_MPI_CORE_FUNCTION void Error_class(int errorcode, int* errorclass);
TALLY_MPI_CORE_FUNCTION void Error_string(int errorcode, char* string, int* resultlen);
TALLY_MPI_CORE_FUNCTION void File_call_errhandler(MPI_File fh, int errorcode);
TALLY_MPI_CORE_FUNCTION void File_create_errhandler(MPI_File_errhandler_function* file_errhandler_fn, MPI_Errhandler* errhandler);
TALLY_MPI_CORE_FUNCTION void File_get_errhandler(MPI_File file, MPI_Errhandler* errhandler);
TALLY_MPI_CORE_FUNCTION void File_set_errhandler(MPI_File file, MPI_Errhandler errhandler);
TALLY_MPI_CORE_FUNCTION void Remove_error_class(int errorclass);
TALLY_MPI_CORE_FUNCTION void Remove_error_code(int errorcode);
TALLY_MPI_CORE_FUNCTION void Remove_error_string(int errorcode);
TALLY_MPI_CORE_FUNCTION void Session_call_errhandler(MPI_Session session, int errorcode);
TALLY_MPI_CORE_FUNCTION void Session_create_errhandler(MPI_Session_errhandler_function* session_errhandler_fn, MPI_Errhandler* errhandler);
TALLY_MPI_CORE_FUNCTION void Session_get_errhandler(MPI_Session session, MPI_Errhandler* errhandler);
TALLY_MPI_CORE_FUNCTION void Session_set_errhandler(MPI_Session session, MPI_Errhandler errhandler);
TALLY_MPI_CORE_FUNCTION void Win_call_errhandler(MPI_Win win, int errorcode);
TALLY_MPI_CORE_FUNCTION void Win_create_errhandler(MPI_Win_errhandler_function* win_errhandler_fn, MPI_Errhandler* errhandler);
TALLY_MPI_CORE_FUNCTION void Win_get_errhandler(MPI_Win win, MPI_Errhandler* errhandler);
TALLY_MPI_CORE_FUNCTION void Win_set_errhandler(MPI_Win win, MPI_Errhandler errhandler);

// info
TALLY_MPI_CORE_FUNCTION void Info_create(MPI_Info* info);
TALLY_MPI_CORE_FUNCTION void Info_create_env(int argc, char* argv[], MPI_Info* info);
TALLY_MPI_CORE_FUNCTION void Info_delete(MPI_Info info, const char* key);
TALLY_MPI_CORE_FUNCTION void Info_dup(MPI_Info info, MPI_Info* newinfo);
TALLY_MPI_CORE_FUNCTION void Info_free(MPI_Info* info);
TALLY_MPI_CORE_FUNCTION void Info_get(MPI_Info info, const char* key, int valuelen, char* value, int* flag);
TALLY_MPI_CORE_FUNCTION void Info_get_nkeys(MPI_Info info, int* nkeys);
TALLY_MPI_CORE_FUNCTION void Info_get_nthkey(MPI_Info info, int n, char* key);
TALLY_MPI_CORE_FUNCTION void Info_get_string(MPI_Info info, const char* key, int* buflen, char* value, int* flag);
TALLY_MPI_CORE_FUNCTION void Info_get_valuelen(MPI_Info info, const char* key, int* valuelen, int* flag);
TALLY_MPI_CORE_FUNCTION void Info_set(MPI_Info info, const char* key, const char* value);

// point to point
TALLY_MPI_CORE_FUNCTION void Bsend(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Bsend_init(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Cancel(MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Get_count(const MPI_Status* status, MPI_Datatype datatype, MPI_Count* count);
TALLY_MPI_CORE_FUNCTION void Ibsend(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Improbe(int source, int tag, MPI_Comm comm, int* flag, MPI_Message* message, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void Imrecv(void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Message* message, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Iprobe(int source, int tag, MPI_Comm comm, int* flag, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void Irecv(void* buf, MPI_Count count, MPI_Datatype datatype, int source, int tag, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Irsend(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Isend(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Isendrecv(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, int dest, int sendtag, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, int source, int recvtag, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Isendrecv_replace(void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int sendtag, int source, int recvtag, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Issend(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Mprobe(int source, int tag, MPI_Comm comm, MPI_Message* message, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void Mrecv(void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Message* message, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void Probe(int source, int tag, MPI_Comm comm, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void Recv(void* buf, MPI_Count count, MPI_Datatype datatype, int source, int tag, MPI_Comm comm, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void Recv_init(void* buf, MPI_Count count, MPI_Datatype datatype, int source, int tag, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Request_free(MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Request_get_status(MPI_Request request, int* flag, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void Request_get_status_all(int count, MPI_Request array_of_requests[], int* flag, MPI_Status* array_of_statuses);
TALLY_MPI_CORE_FUNCTION void Request_get_status_any(int count, MPI_Request array_of_requests[], int* indx, int* flag, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void Request_get_status_some(int incount, MPI_Request array_of_requests[], int* outcount, int array_of_indices[], MPI_Status* array_of_statuses);
TALLY_MPI_CORE_FUNCTION void Rsend(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Rsend_init(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Send(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Send_init(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Sendrecv(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, int dest, int sendtag, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, int source, int recvtag, MPI_Comm comm, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void Sendrecv_replace(void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int sendtag, int source, int recvtag, MPI_Comm comm, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void Ssend(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Ssend_init(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Start(MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Startall(int count, MPI_Request array_of_requests[]);
TALLY_MPI_CORE_FUNCTION void Test(MPI_Request* request, int* flag, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void Testall(int count, MPI_Request array_of_requests[], int* flag, MPI_Status* array_of_statuses);
TALLY_MPI_CORE_FUNCTION void Testany(int count, MPI_Request array_of_requests[], int* indx, int* flag, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void Testsome(int incount, MPI_Request array_of_requests[], int* outcount, int array_of_indices[], MPI_Status* array_of_statuses);
TALLY_MPI_CORE_FUNCTION void Wait(MPI_Request* request, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void Waitall(int count, MPI_Request array_of_requests[], MPI_Status* array_of_statuses);
TALLY_MPI_CORE_FUNCTION void Waitany(int count, MPI_Request array_of_requests[], int* indx, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void Waitsome(int incount, MPI_Request array_of_requests[], int* outcount, int array_of_indices[], MPI_Status* array_of_statuses);

// buffers
TALLY_MPI_CORE_FUNCTION void Buffer_attach(void* buffer, MPI_Count size);
TALLY_MPI_CORE_FUNCTION void Buffer_detach(void* buffer_addr, MPI_Count* size);
TALLY_MPI_CORE_FUNCTION void Buffer_flush();
TALLY_MPI_CORE_FUNCTION void Buffer_iflush(MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Comm_attach_buffer(MPI_Comm comm, void* buffer, MPI_Count size);
TALLY_MPI_CORE_FUNCTION void Comm_detach_buffer(MPI_Comm comm, void* buffer_addr, MPI_Count* size);
TALLY_MPI_CORE_FUNCTION void Comm_flush_buffer(MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Comm_iflush_buffer(MPI_Comm comm, MPI_Request* request);

// statuses
TALLY_MPI_CORE_FUNCTION void Grequest_complete(MPI_Request request);
TALLY_MPI_CORE_FUNCTION void Grequest_start(MPI_Grequest_query_function* query_fn, MPI_Grequest_free_function* free_fn, MPI_Grequest_cancel_function* cancel_fn, void* extra_state, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Status_get_error(const MPI_Status* status, int* error);
TALLY_MPI_CORE_FUNCTION void Status_get_source(const MPI_Status* status, int* source);
TALLY_MPI_CORE_FUNCTION void Status_get_tag(const MPI_Status* status, int* tag);
TALLY_MPI_CORE_FUNCTION void Status_set_cancelled(MPI_Status* status, int flag);
TALLY_MPI_CORE_FUNCTION void Status_set_elements(MPI_Status* status, MPI_Datatype datatype, MPI_Count count);
TALLY_MPI_CORE_FUNCTION void Status_set_error(MPI_Status* status, int error);
TALLY_MPI_CORE_FUNCTION void Status_set_source(MPI_Status* status, int source);
TALLY_MPI_CORE_FUNCTION void Status_set_tag(MPI_Status* status, int tag);
TALLY_MPI_CORE_FUNCTION void Test_cancelled(const MPI_Status* status, int* flag);

// partitioned
TALLY_MPI_CORE_FUNCTION void Parrived(MPI_Request request, int partition, int* flag);
TALLY_MPI_CORE_FUNCTION void Pready(int partition, MPI_Request request);
TALLY_MPI_CORE_FUNCTION void Pready_list(int length, const int array_of_partitions[], MPI_Request request);
TALLY_MPI_CORE_FUNCTION void Pready_range(int partition_low, int partition_high, MPI_Request request);
TALLY_MPI_CORE_FUNCTION void Precv_init(void* buf, int partitions, MPI_Count count, MPI_Datatype datatype, int source, int tag, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Psend_init(const void* buf, int partitions, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm, MPI_Info info, MPI_Request* request);

// datatypes
TALLY_MPI_CORE_FUNCTION MPI_Aint Aint_add(MPI_Aint base, MPI_Aint disp);
TALLY_MPI_CORE_FUNCTION MPI_Aint Aint_diff(MPI_Aint addr1, MPI_Aint addr2);
TALLY_MPI_CORE_FUNCTION void Get_address(const void* location, MPI_Aint* address);
TALLY_MPI_CORE_FUNCTION void Get_elements(const MPI_Status* status, MPI_Datatype datatype, MPI_Count* count);
TALLY_MPI_CORE_FUNCTION void Pack(const void* inbuf, MPI_Count incount, MPI_Datatype datatype, void* outbuf, MPI_Count outsize, MPI_Count* position, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Pack_external(const char* datarep, const void* inbuf, MPI_Count incount, MPI_Datatype datatype, void* outbuf, MPI_Count outsize, MPI_Count* position);
TALLY_MPI_CORE_FUNCTION void Pack_external_size(const char* datarep, MPI_Count incount, MPI_Datatype datatype, MPI_Count* size);
TALLY_MPI_CORE_FUNCTION void Pack_size(MPI_Count incount, MPI_Datatype datatype, MPI_Comm comm, MPI_Count* size);
TALLY_MPI_CORE_FUNCTION void Type_commit(MPI_Datatype* datatype);
TALLY_MPI_CORE_FUNCTION void Type_contiguous(MPI_Count count, MPI_Datatype oldtype, MPI_Datatype* newtype, bool large);
TALLY_MPI_CORE_FUNCTION void Type_create_darray(int size, int rank, int ndims, Counts array_of_gsizes, const int array_of_distribs[], const int array_of_dargs[], const int array_of_psizes[], int order, MPI_Datatype oldtype, MPI_Datatype* newtype, bool large);
TALLY_MPI_CORE_FUNCTION void Type_create_f90_complex(int p, int r, MPI_Datatype* newtype);
TALLY_MPI_CORE_FUNCTION void Type_create_f90_integer(int r, MPI_Datatype* newtype);
TALLY_MPI_CORE_FUNCTION void Type_create_f90_real(int p, int r, MPI_Datatype* newtype);
TALLY_MPI_CORE_FUNCTION void Type_create_hindexed(MPI_Count count, Counts array_of_blocklengths, Counts array_of_displacements, MPI_Datatype oldtype, MPI_Datatype* newtype, bool large);
TALLY_MPI_CORE_FUNCTION void Type_create_hindexed_block(MPI_Count count, MPI_Count blocklength, Counts array_of_displacements, MPI_Datatype oldtype, MPI_Datatype* newtype, bool large);
TALLY_MPI_CORE_FUNCTION void Type_create_hvector(MPI_Count count, MPI_Count blocklength, MPI_Count stride, MPI_Datatype oldtype, MPI_Datatype* newtype, bool large);
TALLY_MPI_CORE_FUNCTION void Type_create_indexed_block(MPI_Count count, MPI_Count blocklength, Counts array_of_displacements, MPI_Datatype oldtype, MPI_Datatype* newtype, bool large);
TALLY_MPI_CORE_FUNCTION void Type_create_resized(MPI_Datatype oldtype, MPI_Count lb, MPI_Count extent, MPI_Datatype* newtype, bool large);
TALLY_MPI_CORE_FUNCTION void Type_create_struct(MPI_Count count, Counts array_of_blocklengths, Counts array_of_displacements, const MPI_Datatype array_of_types[], MPI_Datatype* newtype, bool large);
TALLY_MPI_CORE_FUNCTION void Type_create_subarray(int ndims, Counts array_of_sizes, Counts array_of_subsizes, Counts array_of_starts, int order, MPI_Datatype oldtype, MPI_Datatype* newtype, bool large);
TALLY_MPI_CORE_FUNCTION void Type_dup(MPI_Datatype oldtype, MPI_Datatype* newtype);
TALLY_MPI_CORE_FUNCTION void Type_free(MPI_Datatype* datatype);
TALLY_MPI_CORE_FUNCTION void Type_get_contents(MPI_Datatype datatype, int max_integers, int max_addresses, int max_datatypes, int array_of_integers[], MPI_Aint array_of_addresses[], MPI_Datatype array_of_datatypes[]);
TALLY_MPI_CORE_FUNCTION void Type_get_contents_c(MPI_Datatype datatype, MPI_Count max_integers, MPI_Count max_addresses, MPI_Count max_large_counts, MPI_Count max_datatypes, int array_of_integers[], MPI_Aint array_of_addresses[], MPI_Count array_of_large_counts[], MPI_Datatype array_of_datatypes[]);
TALLY_MPI_CORE_FUNCTION void Type_get_envelope(MPI_Datatype datatype, int* num_integers, int* num_addresses, int* num_datatypes, int* combiner);
TALLY_MPI_CORE_FUNCTION void Type_get_envelope_c(MPI_Datatype datatype, MPI_Count* num_integers, MPI_Count* num_addresses, MPI_Count* num_large_counts, MPI_Count* num_datatypes, int* combiner);
TALLY_MPI_CORE_FUNCTION void Type_get_extent(MPI_Datatype datatype, MPI_Count* lb, MPI_Count* extent);
TALLY_MPI_CORE_FUNCTION void Type_get_true_extent(MPI_Datatype datatype, MPI_Count* true_lb, MPI_Count* true_extent);
TALLY_MPI_CORE_FUNCTION void Type_get_value_index(MPI_Datatype value_type, MPI_Datatype index_type, MPI_Datatype* pair_type);
TALLY_MPI_CORE_FUNCTION void Type_indexed(MPI_Count count, Counts array_of_blocklengths, Counts array_of_displacements, MPI_Datatype oldtype, MPI_Datatype* newtype, bool large);
TALLY_MPI_CORE_FUNCTION void Type_match_size(int typeclass, int size, MPI_Datatype* datatype);
TALLY_MPI_CORE_FUNCTION void Type_size(MPI_Datatype datatype, MPI_Count* size);
TALLY_MPI_CORE_FUNCTION void Type_vector(MPI_Count count, MPI_Count blocklength, MPI_Count stride, MPI_Datatype oldtype, MPI_Datatype* newtype, bool large);
TALLY_MPI_CORE_FUNCTION void Unpack(const void* inbuf, MPI_Count insize, MPI_Count* position, void* outbuf, MPI_Count outcount, MPI_Datatype datatype, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Unpack_external(const char* datarep, const void* inbuf, MPI_Count insize, MPI_Count* position, void* outbuf, MPI_Count outcount, MPI_Datatype datatype);

// collectives
TALLY_MPI_CORE_FUNCTION void Allgather(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Allgather_init(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Allgatherv(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, Counts recvcounts, Counts displs, MPI_Datatype recvtype, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Allgatherv_init(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, Counts recvcounts, Counts displs, MPI_Datatype recvtype, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Allreduce(const void* sendbuf, void* recvbuf, MPI_Count count, MPI_Datatype datatype, MPI_Op op, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Allreduce_init(const void* sendbuf, void* recvbuf, MPI_Count count, MPI_Datatype datatype, MPI_Op op, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Alltoall(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Alltoall_init(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Alltoallv(const void* sendbuf, Counts sendcounts, Counts sdispls, MPI_Datatype sendtype, void* recvbuf, Counts recvcounts, Counts rdispls, MPI_Datatype recvtype, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Alltoallv_init(const void* sendbuf, Counts sendcounts, Counts sdispls, MPI_Datatype sendtype, void* recvbuf, Counts recvcounts, Counts rdispls, MPI_Datatype recvtype, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Alltoallw(const void* sendbuf, Counts sendcounts, Counts sdispls, const MPI_Datatype sendtypes[], void* recvbuf, Counts recvcounts, Counts rdispls, const MPI_Datatype recvtypes[], MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Alltoallw_init(const void* sendbuf, Counts sendcounts, Counts sdispls, const MPI_Datatype sendtypes[], void* recvbuf, Counts recvcounts, Counts rdispls, const MPI_Datatype recvtypes[], MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Barrier(MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Barrier_init(MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Bcast(void* buffer, MPI_Count count, MPI_Datatype datatype, int root, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Bcast_init(void* buffer, MPI_Count count, MPI_Datatype datatype, int root, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Exscan(const void* sendbuf, void* recvbuf, MPI_Count count, MPI_Datatype datatype, MPI_Op op, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Exscan_init(const void* sendbuf, void* recvbuf, MPI_Count count, MPI_Datatype datatype, MPI_Op op, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Gather(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, int root, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Gather_init(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, int root, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Gatherv(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, Counts recvcounts, Counts displs, MPI_Datatype recvtype, int root, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Gatherv_init(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, Counts recvcounts, Counts displs, MPI_Datatype recvtype, int root, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Iallgather(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Iallgatherv(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, Counts recvcounts, Counts displs, MPI_Datatype recvtype, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Iallreduce(const void* sendbuf, void* recvbuf, MPI_Count count, MPI_Datatype datatype, MPI_Op op, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Ialltoall(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Ialltoallv(const void* sendbuf, Counts sendcounts, Counts sdispls, MPI_Datatype sendtype, void* recvbuf, Counts recvcounts, Counts rdispls, MPI_Datatype recvtype, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Ialltoallw(const void* sendbuf, Counts sendcounts, Counts sdispls, const MPI_Datatype sendtypes[], void* recvbuf, Counts recvcounts, Counts rdispls, const MPI_Datatype recvtypes[], MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Ibarrier(MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Ibcast(void* buffer, MPI_Count count, MPI_Datatype datatype, int root, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Iexscan(const void* sendbuf, void* recvbuf, MPI_Count count, MPI_Datatype datatype, MPI_Op op, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Igather(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, int root, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Igatherv(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, Counts recvcounts, Counts displs, MPI_Datatype recvtype, int root, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Ireduce(const void* sendbuf, void* recvbuf, MPI_Count count, MPI_Datatype datatype, MPI_Op op, int root, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Ireduce_scatter(const void* sendbuf, void* recvbuf, Counts recvcounts, MPI_Datatype datatype, MPI_Op op, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Ireduce_scatter_block(const void* sendbuf, void* recvbuf, MPI_Count recvcount, MPI_Datatype datatype, MPI_Op op, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Iscan(const void* sendbuf, void* recvbuf, MPI_Count count, MPI_Datatype datatype, MPI_Op op, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Iscatter(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, int root, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Iscatterv(const void* sendbuf, Counts sendcounts, Counts displs, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, int root, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Op_commutative(MPI_Op op, int* commute);
TALLY_MPI_CORE_FUNCTION void Op_create(MPI_User_function* user_fn, int commute, MPI_Op* op);
TALLY_MPI_CORE_FUNCTION void Op_create_c(MPI_User_function_c* user_fn, int commute, MPI_Op* op);
TALLY_MPI_CORE_FUNCTION void Op_free(MPI_Op* op);
TALLY_MPI_CORE_FUNCTION void Reduce(const void* sendbuf, void* recvbuf, MPI_Count count, MPI_Datatype datatype, MPI_Op op, int root, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Reduce_init(const void* sendbuf, void* recvbuf, MPI_Count count, MPI_Datatype datatype, MPI_Op op, int root, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Reduce_local(const void* inbuf, void* inoutbuf, MPI_Count count, MPI_Datatype datatype, MPI_Op op);
TALLY_MPI_CORE_FUNCTION void Reduce_scatter(const void* sendbuf, void* recvbuf, Counts recvcounts, MPI_Datatype datatype, MPI_Op op, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Reduce_scatter_block(const void* sendbuf, void* recvbuf, MPI_Count recvcount, MPI_Datatype datatype, MPI_Op op, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Reduce_scatter_block_init(const void* sendbuf, void* recvbuf, MPI_Count recvcount, MPI_Datatype datatype, MPI_Op op, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Reduce_scatter_init(const void* sendbuf, void* recvbuf, Counts recvcounts, MPI_Datatype datatype, MPI_Op op, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Scan(const void* sendbuf, void* recvbuf, MPI_Count count, MPI_Datatype datatype, MPI_Op op, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Scan_init(const void* sendbuf, void* recvbuf, MPI_Count count, MPI_Datatype datatype, MPI_Op op, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Scatter(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, int root, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Scatter_init(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, int root, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Scatterv(const void* sendbuf, Counts sendcounts, Counts displs, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, int root, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Scatterv_init(const void* sendbuf, Counts sendcounts, Counts displs, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, int root, MPI_Comm comm, MPI_Info info, MPI_Request* request);

// communicators
TALLY_MPI_CORE_FUNCTION void Comm_compare(MPI_Comm comm1, MPI_Comm comm2, int* result);
TALLY_MPI_CORE_FUNCTION void Comm_create(MPI_Comm comm, MPI_Group group, MPI_Comm* newcomm);
TALLY_MPI_CORE_FUNCTION void Comm_create_group(MPI_Comm comm, MPI_Group group, int tag, MPI_Comm* newcomm);
TALLY_MPI_CORE_FUNCTION void Comm_create_keyval(MPI_Comm_copy_attr_function* comm_copy_attr_fn, MPI_Comm_delete_attr_function* comm_delete_attr_fn, int* comm_keyval, void* extra_state);
TALLY_MPI_CORE_FUNCTION void Comm_delete_attr(MPI_Comm comm, int comm_keyval);
TALLY_MPI_CORE_FUNCTION void Comm_dup(MPI_Comm comm, MPI_Comm* newcomm);
TALLY_MPI_CORE_FUNCTION void Comm_dup_with_info(MPI_Comm comm, MPI_Info info, MPI_Comm* newcomm);
TALLY_MPI_CORE_FUNCTION void Comm_free(MPI_Comm* comm);
TALLY_MPI_CORE_FUNCTION void Comm_free_keyval(int* comm_keyval);
TALLY_MPI_CORE_FUNCTION void Comm_get_attr(MPI_Comm comm, int comm_keyval, void* attribute_val, int* flag);
TALLY_MPI_CORE_FUNCTION void Comm_get_info(MPI_Comm comm, MPI_Info* info_used);
TALLY_MPI_CORE_FUNCTION void Comm_get_name(MPI_Comm comm, char* comm_name, int* resultlen);
TALLY_MPI_CORE_FUNCTION void Comm_group(MPI_Comm comm, MPI_Group* group);
TALLY_MPI_CORE_FUNCTION void Comm_idup(MPI_Comm comm, MPI_Comm* newcomm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Comm_idup_with_info(MPI_Comm comm, MPI_Info info, MPI_Comm* newcomm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Comm_rank(MPI_Comm comm, int* rank);
TALLY_MPI_CORE_FUNCTION void Comm_remote_group(MPI_Comm comm, MPI_Group* group);
TALLY_MPI_CORE_FUNCTION void Comm_remote_size(MPI_Comm comm, int* size);
TALLY_MPI_CORE_FUNCTION void Comm_set_attr(MPI_Comm comm, int comm_keyval, void* attribute_val);
TALLY_MPI_CORE_FUNCTION void Comm_set_info(MPI_Comm comm, MPI_Info info);
TALLY_MPI_CORE_FUNCTION void Comm_set_name(MPI_Comm comm, const char* comm_name);
TALLY_MPI_CORE_FUNCTION void Comm_size(MPI_Comm comm, int* size);
TALLY_MPI_CORE_FUNCTION void Comm_split(MPI_Comm comm, int color, int key, MPI_Comm* newcomm);
TALLY_MPI_CORE_FUNCTION void Comm_split_type(MPI_Comm comm, int split_type, int key, MPI_Info info, MPI_Comm* newcomm);
TALLY_MPI_CORE_FUNCTION void Comm_test_inter(MPI_Comm comm, int* flag);
TALLY_MPI_CORE_FUNCTION void Group_compare(MPI_Group group1, MPI_Group group2, int* result);
TALLY_MPI_CORE_FUNCTION void Group_difference(MPI_Group group1, MPI_Group group2, MPI_Group* newgroup);
TALLY_MPI_CORE_FUNCTION void Group_excl(MPI_Group group, int n, const int ranks[], MPI_Group* newgroup);
TALLY_MPI_CORE_FUNCTION void Group_free(MPI_Group* group);
TALLY_MPI_CORE_FUNCTION void Group_incl(MPI_Group group, int n, const int ranks[], MPI_Group* newgroup);
TALLY_MPI_CORE_FUNCTION void Group_intersection(MPI_Group group1, MPI_Group group2, MPI_Group* newgroup);
TALLY_MPI_CORE_FUNCTION void Group_range_excl(MPI_Group group, int n, int ranges[][3], MPI_Group* newgroup);
TALLY_MPI_CORE_FUNCTION void Group_range_incl(MPI_Group group, int n, int ranges[][3], MPI_Group* newgroup);
TALLY_MPI_CORE_FUNCTION void Group_rank(MPI_Group group, int* rank);
TALLY_MPI_CORE_FUNCTION void Group_size(MPI_Group group, int* size);
TALLY_MPI_CORE_FUNCTION void Group_translate_ranks(MPI_Group group1, int n, const int ranks1[], MPI_Group group2, int ranks2[]);
TALLY_MPI_CORE_FUNCTION void Group_union(MPI_Group group1, MPI_Group group2, MPI_Group* newgroup);
TALLY_MPI_CORE_FUNCTION void Intercomm_create(MPI_Comm local_comm, int local_leader, MPI_Comm peer_comm, int remote_leader, int tag, MPI_Comm* newintercomm);
TALLY_MPI_CORE_FUNCTION void Intercomm_merge(MPI_Comm intercomm, int high, MPI_Comm* newintracomm);
TALLY_MPI_CORE_FUNCTION void Type_create_keyval(MPI_Type_copy_attr_function* type_copy_attr_fn, MPI_Type_delete_attr_function* type_delete_attr_fn, int* type_keyval, void* extra_state);
TALLY_MPI_CORE_FUNCTION void Type_delete_attr(MPI_Datatype datatype, int type_keyval);
TALLY_MPI_CORE_FUNCTION void Type_free_keyval(int* type_keyval);
TALLY_MPI_CORE_FUNCTION void Type_get_attr(MPI_Datatype datatype, int type_keyval, void* attribute_val, int* flag);
TALLY_MPI_CORE_FUNCTION void Type_get_name(MPI_Datatype datatype, char* type_name, int* resultlen);
TALLY_MPI_CORE_FUNCTION void Type_set_attr(MPI_Datatype datatype, int type_keyval, void* attribute_val);
TALLY_MPI_CORE_FUNCTION void Type_set_name(MPI_Datatype datatype, const char* type_name);

// topologies
TALLY_MPI_CORE_FUNCTION void Cart_coords(MPI_Comm comm, int rank, int maxdims, int coords[]);
TALLY_MPI_CORE_FUNCTION void Cart_create(MPI_Comm comm_old, int ndims, const int dims[], const int periods[], int reorder, MPI_Comm* comm_cart);
TALLY_MPI_CORE_FUNCTION void Cart_get(MPI_Comm comm, int maxdims, int dims[], int periods[], int coords[]);
TALLY_MPI_CORE_FUNCTION void Cart_map(MPI_Comm comm, int ndims, const int dims[], const int periods[], int* newrank);
TALLY_MPI_CORE_FUNCTION void Cart_rank(MPI_Comm comm, const int coords[], int* rank);
TALLY_MPI_CORE_FUNCTION void Cart_shift(MPI_Comm comm, int direction, int disp, int* rank_source, int* rank_dest);
TALLY_MPI_CORE_FUNCTION void Cart_sub(MPI_Comm comm, const int remain_dims[], MPI_Comm* newcomm);
TALLY_MPI_CORE_FUNCTION void Cartdim_get(MPI_Comm comm, int* ndims);
TALLY_MPI_CORE_FUNCTION void Dims_create(int nnodes, int ndims, int dims[]);
TALLY_MPI_CORE_FUNCTION void Dist_graph_create(MPI_Comm comm_old, int n, const int sources[], const int degrees[], const int destinations[], const int weights[], MPI_Info info, int reorder, MPI_Comm* comm_dist_graph);
TALLY_MPI_CORE_FUNCTION void Dist_graph_create_adjacent(MPI_Comm comm_old, int indegree, const int sources[], const int sourceweights[], int outdegree, const int destinations[], const int destweights[], MPI_Info info, int reorder, MPI_Comm* comm_dist_graph);
TALLY_MPI_CORE_FUNCTION void Dist_graph_neighbors(MPI_Comm comm, int maxindegree, int sources[], int sourceweights[], int maxoutdegree, int destinations[], int destweights[]);
TALLY_MPI_CORE_FUNCTION void Dist_graph_neighbors_count(MPI_Comm comm, int* indegree, int* outdegree, int* weighted);
TALLY_MPI_CORE_FUNCTION void Graph_create(MPI_Comm comm_old, int nnodes, const int indx[], const int edges[], int reorder, MPI_Comm* comm_graph);
TALLY_MPI_CORE_FUNCTION void Graph_get(MPI_Comm comm, int maxindex, int maxedges, int indx[], int edges[]);
TALLY_MPI_CORE_FUNCTION void Graph_map(MPI_Comm comm, int nnodes, const int indx[], const int edges[], int* newrank);
TALLY_MPI_CORE_FUNCTION void Graph_neighbors(MPI_Comm comm, int rank, int maxneighbors, int neighbors[]);
TALLY_MPI_CORE_FUNCTION void Graph_neighbors_count(MPI_Comm comm, int rank, int* nneighbors);
TALLY_MPI_CORE_FUNCTION void Graphdims_get(MPI_Comm comm, int* nnodes, int* nedges);
TALLY_MPI_CORE_FUNCTION void Ineighbor_allgather(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Ineighbor_allgatherv(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, Counts recvcounts, Counts displs, MPI_Datatype recvtype, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Ineighbor_alltoall(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Ineighbor_alltoallv(const void* sendbuf, Counts sendcounts, Counts sdispls, MPI_Datatype sendtype, void* recvbuf, Counts recvcounts, Counts rdispls, MPI_Datatype recvtype, MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Ineighbor_alltoallw(const void* sendbuf, Counts sendcounts, const MPI_Aint sdispls[], const MPI_Datatype sendtypes[], void* recvbuf, Counts recvcounts, const MPI_Aint rdispls[], const MPI_Datatype recvtypes[], MPI_Comm comm, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Neighbor_allgather(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Neighbor_allgather_init(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Neighbor_allgatherv(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, Counts recvcounts, Counts displs, MPI_Datatype recvtype, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Neighbor_allgatherv_init(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, Counts recvcounts, Counts displs, MPI_Datatype recvtype, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Neighbor_alltoall(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Neighbor_alltoall_init(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Neighbor_alltoallv(const void* sendbuf, Counts sendcounts, Counts sdispls, MPI_Datatype sendtype, void* recvbuf, Counts recvcounts, Counts rdispls, MPI_Datatype recvtype, MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Neighbor_alltoallv_init(const void* sendbuf, Counts sendcounts, Counts sdispls, MPI_Datatype sendtype, void* recvbuf, Counts recvcounts, Counts rdispls, MPI_Datatype recvtype, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Neighbor_alltoallw(const void* sendbuf, Counts sendcounts, const MPI_Aint sdispls[], const MPI_Datatype sendtypes[], void* recvbuf, Counts recvcounts, const MPI_Aint rdispls[], const MPI_Datatype recvtypes[], MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION void Neighbor_alltoallw_init(const void* sendbuf, Counts sendcounts, const MPI_Aint sdispls[], const MPI_Datatype sendtypes[], void* recvbuf, Counts recvcounts, const MPI_Aint rdispls[], const MPI_Datatype recvtypes[], MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Topo_test(MPI_Comm comm, int* status);

// sessions
TALLY_MPI_CORE_FUNCTION void Comm_create_from_group(MPI_Group group, const char* stringtag, MPI_Info info, MPI_Errhandler errhandler, MPI_Comm* newcomm);
TALLY_MPI_CORE_FUNCTION void Group_from_session_pset(MPI_Session session, const char* pset_name, MPI_Group* newgroup);
TALLY_MPI_CORE_FUNCTION void Intercomm_create_from_groups(MPI_Group local_group, int local_leader, MPI_Group remote_group, int remote_leader, const char* stringtag, MPI_Info info, MPI_Errhandler errhandler, MPI_Comm* newintercomm);
TALLY_MPI_CORE_FUNCTION void Session_attach_buffer(MPI_Session session, void* buffer, MPI_Count size);
TALLY_MPI_CORE_FUNCTION void Session_detach_buffer(MPI_Session session, void* buffer_addr, MPI_Count* size);
TALLY_MPI_CORE_FUNCTION void Session_finalize(MPI_Session* session);
TALLY_MPI_CORE_FUNCTION void Session_flush_buffer(MPI_Session session);
TALLY_MPI_CORE_FUNCTION void Session_get_info(MPI_Session session, MPI_Info* info_used);
TALLY_MPI_CORE_FUNCTION void Session_get_nth_pset(MPI_Session session, MPI_Info info, int n, int* pset_len, char* pset_name);
TALLY_MPI_CORE_FUNCTION void Session_get_num_psets(MPI_Session session, MPI_Info info, int* npset_names);
TALLY_MPI_CORE_FUNCTION void Session_get_pset_info(MPI_Session session, const char* pset_name, MPI_Info* info);
TALLY_MPI_CORE_FUNCTION void Session_iflush_buffer(MPI_Session session, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Session_init(MPI_Info info, MPI_Errhandler errhandler, MPI_Session* session);

// processes
TALLY_MPI_CORE_FUNCTION void Close_port(const char* port_name);
TALLY_MPI_CORE_FUNCTION void Comm_accept(const char* port_name, MPI_Info info, int root, MPI_Comm comm, MPI_Comm* newcomm);
TALLY_MPI_CORE_FUNCTION void Comm_connect(const char* port_name, MPI_Info info, int root, MPI_Comm comm, MPI_Comm* newcomm);
TALLY_MPI_CORE_FUNCTION void Comm_disconnect(MPI_Comm* comm);
TALLY_MPI_CORE_FUNCTION void Comm_get_parent(MPI_Comm* parent);
TALLY_MPI_CORE_FUNCTION void Comm_join(int fd, MPI_Comm* intercomm);
TALLY_MPI_CORE_FUNCTION void Comm_spawn(const char* command, char* argv[], int maxprocs, MPI_Info info, int root, MPI_Comm comm, MPI_Comm* intercomm, int array_of_errcodes[]);
TALLY_MPI_CORE_FUNCTION void Comm_spawn_multiple(int count, char* array_of_commands[], char** array_of_argv[], const int array_of_maxprocs[], const MPI_Info array_of_info[], int root, MPI_Comm comm, MPI_Comm* intercomm, int array_of_errcodes[]);
TALLY_MPI_CORE_FUNCTION void Lookup_name(const char* service_name, MPI_Info info, char* port_name);
TALLY_MPI_CORE_FUNCTION void Open_port(MPI_Info info, char* port_name);
TALLY_MPI_CORE_FUNCTION void Publish_name(const char* service_name, MPI_Info info, const char* port_name);
TALLY_MPI_CORE_FUNCTION void Unpublish_name(const char* service_name, MPI_Info info, const char* port_name);

// one sided
TALLY_MPI_CORE_FUNCTION void Accumulate(const void* origin_addr, MPI_Count origin_count, MPI_Datatype origin_datatype, int target_rank, MPI_Aint target_disp, MPI_Count target_count, MPI_Datatype target_datatype, MPI_Op op, MPI_Win win);
TALLY_MPI_CORE_FUNCTION void Compare_and_swap(const void* origin_addr, const void* compare_addr, void* result_addr, MPI_Datatype datatype, int target_rank, MPI_Aint target_disp, MPI_Win win);
TALLY_MPI_CORE_FUNCTION void Fetch_and_op(const void* origin_addr, void* result_addr, MPI_Datatype datatype, int target_rank, MPI_Aint target_disp, MPI_Op op, MPI_Win win);
TALLY_MPI_CORE_FUNCTION void Get(void* origin_addr, MPI_Count origin_count, MPI_Datatype origin_datatype, int target_rank, MPI_Aint target_disp, MPI_Count target_count, MPI_Datatype target_datatype, MPI_Win win);
TALLY_MPI_CORE_FUNCTION void Get_accumulate(const void* origin_addr, MPI_Count origin_count, MPI_Datatype origin_datatype, void* result_addr, MPI_Count result_count, MPI_Datatype result_datatype, int target_rank, MPI_Aint target_disp, MPI_Count target_count, MPI_Datatype target_datatype, MPI_Op op, MPI_Win win);
TALLY_MPI_CORE_FUNCTION void Put(const void* origin_addr, MPI_Count origin_count, MPI_Datatype origin_datatype, int target_rank, MPI_Aint target_disp, MPI_Count target_count, MPI_Datatype target_datatype, MPI_Win win);
TALLY_MPI_CORE_FUNCTION void Raccumulate(const void* origin_addr, MPI_Count origin_count, MPI_Datatype origin_datatype, int target_rank, MPI_Aint target_disp, MPI_Count target_count, MPI_Datatype target_datatype, MPI_Op op, MPI_Win win, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Rget(void* origin_addr, MPI_Count origin_count, MPI_Datatype origin_datatype, int target_rank, MPI_Aint target_disp, MPI_Count target_count, MPI_Datatype target_datatype, MPI_Win win, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Rget_accumulate(const void* origin_addr, MPI_Count origin_count, MPI_Datatype origin_datatype, void* result_addr, MPI_Count result_count, MPI_Datatype result_datatype, int target_rank, MPI_Aint target_disp, MPI_Count target_count, MPI_Datatype target_datatype, MPI_Op op, MPI_Win win, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Rput(const void* origin_addr, MPI_Count origin_count, MPI_Datatype origin_datatype, int target_rank, MPI_Aint target_disp, MPI_Count target_count, MPI_Datatype target_datatype, MPI_Win win, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Win_allocate(MPI_Aint size, MPI_Aint disp_unit, MPI_Info info, MPI_Comm comm, void* baseptr, MPI_Win* win);
TALLY_MPI_CORE_FUNCTION void Win_allocate_shared(MPI_Aint size, MPI_Aint disp_unit, MPI_Info info, MPI_Comm comm, void* baseptr, MPI_Win* win);
TALLY_MPI_CORE_FUNCTION void Win_attach(MPI_Win win, void* base, MPI_Aint size);
TALLY_MPI_CORE_FUNCTION void Win_complete(MPI_Win win);
TALLY_MPI_CORE_FUNCTION void Win_create(void* base, MPI_Aint size, MPI_Aint disp_unit, MPI_Info info, MPI_Comm comm, MPI_Win* win);
TALLY_MPI_CORE_FUNCTION void Win_create_dynamic(MPI_Info info, MPI_Comm comm, MPI_Win* win);
TALLY_MPI_CORE_FUNCTION void Win_create_keyval(MPI_Win_copy_attr_function* win_copy_attr_fn, MPI_Win_delete_attr_function* win_delete_attr_fn, int* win_keyval, void* extra_state);
TALLY_MPI_CORE_FUNCTION void Win_delete_attr(MPI_Win win, int win_keyval);
TALLY_MPI_CORE_FUNCTION void Win_detach(MPI_Win win, const void* base);
TALLY_MPI_CORE_FUNCTION void Win_fence(int assert, MPI_Win win);
TALLY_MPI_CORE_FUNCTION void Win_flush(int rank, MPI_Win win);
TALLY_MPI_CORE_FUNCTION void Win_flush_all(MPI_Win win);
TALLY_MPI_CORE_FUNCTION void Win_flush_local(int rank, MPI_Win win);
TALLY_MPI_CORE_FUNCTION void Win_flush_local_all(MPI_Win win);
TALLY_MPI_CORE_FUNCTION void Win_free(MPI_Win* win);
TALLY_MPI_CORE_FUNCTION void Win_free_keyval(int* win_keyval);
TALLY_MPI_CORE_FUNCTION void Win_get_attr(MPI_Win win, int win_keyval, void* attribute_val, int* flag);
TALLY_MPI_CORE_FUNCTION void Win_get_group(MPI_Win win, MPI_Group* group);
TALLY_MPI_CORE_FUNCTION void Win_get_info(MPI_Win win, MPI_Info* info_used);
TALLY_MPI_CORE_FUNCTION void Win_get_name(MPI_Win win, char* win_name, int* resultlen);
TALLY_MPI_CORE_FUNCTION void Win_lock(int lock_type, int rank, int assert, MPI_Win win);
TALLY_MPI_CORE_FUNCTION void Win_lock_all(int assert, MPI_Win win);
TALLY_MPI_CORE_FUNCTION void Win_post(MPI_Group group, int assert, MPI_Win win);
TALLY_MPI_CORE_FUNCTION void Win_set_attr(MPI_Win win, int win_keyval, void* attribute_val);
TALLY_MPI_CORE_FUNCTION void Win_set_info(MPI_Win win, MPI_Info info);
TALLY_MPI_CORE_FUNCTION void Win_set_name(MPI_Win win, const char* win_name);
TALLY_MPI_CORE_FUNCTION void Win_shared_query(MPI_Win win, int rank, MPI_Aint* size, MPI_Aint* disp_unit, void* baseptr);
TALLY_MPI_CORE_FUNCTION void Win_start(MPI_Group group, int assert, MPI_Win win);
TALLY_MPI_CORE_FUNCTION void Win_sync(MPI_Win win);
TALLY_MPI_CORE_FUNCTION void Win_test(MPI_Win win, int* flag);
TALLY_MPI_CORE_FUNCTION void Win_unlock(int rank, MPI_Win win);
TALLY_MPI_CORE_FUNCTION void Win_unlock_all(MPI_Win win);
TALLY_MPI_CORE_FUNCTION void Win_wait(MPI_Win win);

// io
TALLY_MPI_CORE_FUNCTION void File_close(MPI_File* fh);
TALLY_MPI_CORE_FUNCTION void File_delete(const char* filename, MPI_Info info);
TALLY_MPI_CORE_FUNCTION void File_get_amode(MPI_File fh, int* amode);
TALLY_MPI_CORE_FUNCTION void File_get_atomicity(MPI_File fh, int* flag);
TALLY_MPI_CORE_FUNCTION void File_get_byte_offset(MPI_File fh, MPI_Offset offset, MPI_Offset* disp);
TALLY_MPI_CORE_FUNCTION void File_get_group(MPI_File fh, MPI_Group* group);
TALLY_MPI_CORE_FUNCTION void File_get_info(MPI_File fh, MPI_Info* info_used);
TALLY_MPI_CORE_FUNCTION void File_get_position(MPI_File fh, MPI_Offset* offset);
TALLY_MPI_CORE_FUNCTION void File_get_position_shared(MPI_File fh, MPI_Offset* offset);
TALLY_MPI_CORE_FUNCTION void File_get_size(MPI_File fh, MPI_Offset* size);
TALLY_MPI_CORE_FUNCTION void File_get_type_extent(MPI_File fh, MPI_Datatype datatype, MPI_Count* extent);
TALLY_MPI_CORE_FUNCTION void File_get_view(MPI_File fh, MPI_Offset* disp, MPI_Datatype* etype, MPI_Datatype* filetype, char* datarep);
TALLY_MPI_CORE_FUNCTION void File_iread(MPI_File fh, void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void File_iread_all(MPI_File fh, void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void File_iread_at(MPI_File fh, MPI_Offset offset, void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void File_iread_at_all(MPI_File fh, MPI_Offset offset, void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void File_iread_shared(MPI_File fh, void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void File_iwrite(MPI_File fh, const void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void File_iwrite_all(MPI_File fh, const void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void File_iwrite_at(MPI_File fh, MPI_Offset offset, const void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void File_iwrite_at_all(MPI_File fh, MPI_Offset offset, const void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void File_iwrite_shared(MPI_File fh, const void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void File_open(MPI_Comm comm, const char* filename, int amode, MPI_Info info, MPI_File* fh);
TALLY_MPI_CORE_FUNCTION void File_preallocate(MPI_File fh, MPI_Offset size);
TALLY_MPI_CORE_FUNCTION void File_read(MPI_File fh, void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void File_read_all(MPI_File fh, void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void File_read_all_begin(MPI_File fh, void* buf, MPI_Count count, MPI_Datatype datatype);
TALLY_MPI_CORE_FUNCTION void File_read_all_end(MPI_File fh, void* buf, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void File_read_at(MPI_File fh, MPI_Offset offset, void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void File_read_at_all(MPI_File fh, MPI_Offset offset, void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void File_read_at_all_begin(MPI_File fh, MPI_Offset offset, void* buf, MPI_Count count, MPI_Datatype datatype);
TALLY_MPI_CORE_FUNCTION void File_read_at_all_end(MPI_File fh, void* buf, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void File_read_ordered(MPI_File fh, void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void File_read_ordered_begin(MPI_File fh, void* buf, MPI_Count count, MPI_Datatype datatype);
TALLY_MPI_CORE_FUNCTION void File_read_ordered_end(MPI_File fh, void* buf, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void File_read_shared(MPI_File fh, void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void File_seek(MPI_File fh, MPI_Offset offset, int whence);
TALLY_MPI_CORE_FUNCTION void File_seek_shared(MPI_File fh, MPI_Offset offset, int whence);
TALLY_MPI_CORE_FUNCTION void File_set_atomicity(MPI_File fh, int flag);
TALLY_MPI_CORE_FUNCTION void File_set_info(MPI_File fh, MPI_Info info);
TALLY_MPI_CORE_FUNCTION void File_set_size(MPI_File fh, MPI_Offset size);
TALLY_MPI_CORE_FUNCTION void File_set_view(MPI_File fh, MPI_Offset disp, MPI_Datatype etype, MPI_Datatype filetype, const char* datarep, MPI_Info info);
TALLY_MPI_CORE_FUNCTION void File_sync(MPI_File fh);
TALLY_MPI_CORE_FUNCTION void File_write(MPI_File fh, const void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void File_write_all(MPI_File fh, const void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void File_write_all_begin(MPI_File fh, const void* buf, MPI_Count count, MPI_Datatype datatype);
TALLY_MPI_CORE_FUNCTION void File_write_all_end(MPI_File fh, const void* buf, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void File_write_at(MPI_File fh, MPI_Offset offset, const void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void File_write_at_all(MPI_File fh, MPI_Offset offset, const void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void File_write_at_all_begin(MPI_File fh, MPI_Offset offset, const void* buf, MPI_Count count, MPI_Datatype datatype);
TALLY_MPI_CORE_FUNCTION void File_write_at_all_end(MPI_File fh, const void* buf, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void File_write_ordered(MPI_File fh, const void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void File_write_ordered_begin(MPI_File fh, const void* buf, MPI_Count count, MPI_Datatype datatype);
TALLY_MPI_CORE_FUNCTION void File_write_ordered_end(MPI_File fh, const void* buf, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void File_write_shared(MPI_File fh, const void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Status* status);
TALLY_MPI_CORE_FUNCTION void Register_datarep(const char* datarep, MPI_Datarep_conversion_function* read_conversion_fn, MPI_Datarep_conversion_function* write_conversion_fn, MPI_Datarep_extent_function* dtype_file_extent_fn, void* extra_state);
TALLY_MPI_CORE_FUNCTION void Register_datarep_c(const char* datarep, MPI_Datarep_conversion_function_c* read_conversion_fn, MPI_Datarep_conversion_function_c* write_conversion_fn, MPI_Datarep_extent_function* dtype_file_extent_fn, void* extra_state);

// tool
TALLY_MPI_CORE_FUNCTION void T_category_changed(int* update_number);
TALLY_MPI_CORE_FUNCTION void T_category_get_categories(int cat_index, int len, int indices[]);
TALLY_MPI_CORE_FUNCTION void T_category_get_cvars(int cat_index, int len, int indices[]);
TALLY_MPI_CORE_FUNCTION void T_category_get_events(int cat_index, int len, int indices[]);
TALLY_MPI_CORE_FUNCTION void T_category_get_index(const char* name, int* cat_index);
TALLY_MPI_CORE_FUNCTION void T_category_get_info(int cat_index, char* name, int* name_len, char* desc, int* desc_len, int* num_cvars, int* num_pvars, int* num_categories);
TALLY_MPI_CORE_FUNCTION void T_category_get_num(int* num_cat);
TALLY_MPI_CORE_FUNCTION void T_category_get_num_events(int cat_index, int* num_events);
TALLY_MPI_CORE_FUNCTION void T_category_get_pvars(int cat_index, int len, int indices[]);
TALLY_MPI_CORE_FUNCTION void T_cvar_get_index(const char* name, int* cvar_index);
TALLY_MPI_CORE_FUNCTION void T_cvar_get_info(int cvar_index, char* name, int* name_len, int* verbosity, MPI_Datatype* datatype, MPI_T_enum* enumtype, char* desc, int* desc_len, int* bind, int* scope);
TALLY_MPI_CORE_FUNCTION void T_cvar_get_num(int* num_cvar);
TALLY_MPI_CORE_FUNCTION void T_cvar_handle_alloc(int cvar_index, void* obj_handle, MPI_T_cvar_handle* handle, int* count);
TALLY_MPI_CORE_FUNCTION void T_cvar_handle_free(MPI_T_cvar_handle* handle);
TALLY_MPI_CORE_FUNCTION void T_cvar_read(MPI_T_cvar_handle handle, void* buf);
TALLY_MPI_CORE_FUNCTION void T_cvar_write(MPI_T_cvar_handle handle, const void* buf);
TALLY_MPI_CORE_FUNCTION void T_enum_get_info(MPI_T_enum enumtype, int* num, char* name, int* name_len);
TALLY_MPI_CORE_FUNCTION void T_enum_get_item(MPI_T_enum enumtype, int indx, int* value, char* name, int* name_len);
TALLY_MPI_CORE_FUNCTION void T_event_callback_get_info(MPI_T_event_registration event_registration, MPI_T_cb_safety cb_safety, MPI_Info* info_used);
TALLY_MPI_CORE_FUNCTION void T_event_callback_set_info(MPI_T_event_registration event_registration, MPI_T_cb_safety cb_safety, MPI_Info info);
TALLY_MPI_CORE_FUNCTION void T_event_copy(MPI_T_event_instance event_instance, void* buffer);
TALLY_MPI_CORE_FUNCTION void T_event_get_index(const char* name, int* event_index);
TALLY_MPI_CORE_FUNCTION void T_event_get_info(int event_index, char* name, int* name_len, int* verbosity, MPI_Datatype array_of_datatypes[], MPI_Aint array_of_displacements[], int* num_elements, MPI_T_enum* enumtype, MPI_Info* info, char* desc, int* desc_len, int* bind);
TALLY_MPI_CORE_FUNCTION void T_event_get_num(int* num_events);
TALLY_MPI_CORE_FUNCTION void T_event_get_source(MPI_T_event_instance event_instance, int* source_index);
TALLY_MPI_CORE_FUNCTION void T_event_get_timestamp(MPI_T_event_instance event_instance, MPI_Count* event_timestamp);
TALLY_MPI_CORE_FUNCTION void T_event_handle_alloc(int event_index, void* obj_handle, MPI_Info info, MPI_T_event_registration* event_registration);
TALLY_MPI_CORE_FUNCTION void T_event_handle_free(MPI_T_event_registration event_registration, void* user_data, MPI_T_event_free_cb_function free_cb_function);
TALLY_MPI_CORE_FUNCTION void T_event_handle_get_info(MPI_T_event_registration event_registration, MPI_Info* info_used);
TALLY_MPI_CORE_FUNCTION void T_event_handle_set_info(MPI_T_event_registration event_registration, MPI_Info info);
TALLY_MPI_CORE_FUNCTION void T_event_read(MPI_T_event_instance event_instance, int element_index, void* buffer);
TALLY_MPI_CORE_FUNCTION void T_event_register_callback(MPI_T_event_registration event_registration, MPI_T_cb_safety cb_safety, MPI_Info info, void* user_data, MPI_T_event_cb_function event_cb_function);
TALLY_MPI_CORE_FUNCTION void T_event_set_dropped_handler(MPI_T_event_registration event_registration, MPI_T_event_dropped_cb_function dropped_cb_function);
TALLY_MPI_CORE_FUNCTION void T_finalize();
TALLY_MPI_CORE_FUNCTION void T_init_thread(int required, int* provided);
TALLY_MPI_CORE_FUNCTION void T_pvar_get_index(const char* name, int var_class, int* pvar_index);
TALLY_MPI_CORE_FUNCTION void T_pvar_get_info(int pvar_index, char* name, int* name_len, int* verbosity, int* var_class, MPI_Datatype* datatype, MPI_T_enum* enumtype, char* desc, int* desc_len, int* bind, int* readonly, int* continuous, int* atomic);
TALLY_MPI_CORE_FUNCTION void T_pvar_get_num(int* num_pvar);
TALLY_MPI_CORE_FUNCTION void T_pvar_handle_alloc(MPI_T_pvar_session session, int pvar_index, void* obj_handle, MPI_T_pvar_handle* handle, int* count);
TALLY_MPI_CORE_FUNCTION void T_pvar_handle_free(MPI_T_pvar_session session, MPI_T_pvar_handle* handle);
TALLY_MPI_CORE_FUNCTION void T_pvar_read(MPI_T_pvar_session session, MPI_T_pvar_handle handle, void* buf);
TALLY_MPI_CORE_FUNCTION void T_pvar_readreset(MPI_T_pvar_session session, MPI_T_pvar_handle handle, void* buf);
TALLY_MPI_CORE_FUNCTION void T_pvar_reset(MPI_T_pvar_session session, MPI_T_pvar_handle handle);
TALLY_MPI_CORE_FUNCTION void T_pvar_session_create(MPI_T_pvar_session* session);
TALLY_MPI_CORE_FUNCTION void T_pvar_session_free(MPI_T_pvar_session* session);
TALLY_MPI_CORE_FUNCTION void T_pvar_start(MPI_T_pvar_session session, MPI_T_pvar_handle handle);
TALLY_MPI_CORE_FUNCTION void T_pvar_stop(MPI_T_pvar_session session, MPI_T_pvar_handle handle);
TALLY_MPI_CORE_FUNCTION void T_pvar_write(MPI_T_pvar_session session, MPI_T_pvar_handle handle, const void* buf);
TALLY_MPI_CORE_FUNCTION void T_source_get_info(int source_index, char* name, int* name_len, char* desc, int* desc_len, MPI_T_source_order* ordering, MPI_Count* ticks_per_second, MPI_Count* max_ticks, MPI_Info* info);
TALLY_MPI_CORE_FUNCTION void T_source_get_num(int* num_sources);
TALLY_MPI_CORE_FUNCTION void T_source_get_timestamp(int source_index, MPI_Count* timestamp);

// abi
TALLY_MPI_CORE_FUNCTION void Abi_get_fortran_booleans(int logical_size, void* logical_true, void* logical_false, int* is_set);
TALLY_MPI_CORE_FUNCTION void Abi_get_fortran_info(MPI_Info* info);
TALLY_MPI_CORE_FUNCTION void Abi_get_info(MPI_Info* info);
TALLY_MPI_CORE_FUNCTION void Abi_get_version(int* abi_major, int* abi_minor);
TALLY_MPI_CORE_FUNCTION void Abi_set_fortran_booleans(int logical_size, void* logical_true, void* logical_false);
TALLY_MPI_CORE_FUNCTION void Abi_set_fortran_info(MPI_Info info);
TALLY_MPI_CORE_FUNCTION MPI_Comm Comm_fromint(int comm);
TALLY_MPI_CORE_FUNCTION int Comm_toint(MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION MPI_Errhandler Errhandler_fromint(int errhandler);
TALLY_MPI_CORE_FUNCTION int Errhandler_toint(MPI_Errhandler errhandler);
TALLY_MPI_CORE_FUNCTION MPI_File File_fromint(int file);
TALLY_MPI_CORE_FUNCTION int File_toint(MPI_File file);
TALLY_MPI_CORE_FUNCTION MPI_Group Group_fromint(int group);
TALLY_MPI_CORE_FUNCTION int Group_toint(MPI_Group group);
TALLY_MPI_CORE_FUNCTION MPI_Info Info_fromint(int info);
TALLY_MPI_CORE_FUNCTION int Info_toint(MPI_Info info);
TALLY_MPI_CORE_FUNCTION MPI_Message Message_fromint(int message);
TALLY_MPI_CORE_FUNCTION int Message_toint(MPI_Message message);
TALLY_MPI_CORE_FUNCTION MPI_Op Op_fromint(int op);
TALLY_MPI_CORE_FUNCTION int Op_toint(MPI_Op op);
TALLY_MPI_CORE_FUNCTION MPI_Request Request_fromint(int request);
TALLY_MPI_CORE_FUNCTION int Request_toint(MPI_Request request);
TALLY_MPI_CORE_FUNCTION MPI_Session Session_fromint(int session);
TALLY_MPI_CORE_FUNCTION int Session_toint(MPI_Session session);
TALLY_MPI_CORE_FUNCTION MPI_Datatype Type_fromint(int datatype);
TALLY_MPI_CORE_FUNCTION int Type_toint(MPI_Datatype datatype);
TALLY_MPI_CORE_FUNCTION MPI_Win Win_fromint(int win);
TALLY_MPI_CORE_FUNCTION int Win_toint(MPI_Win win);

// removed
#ifdef TALLY_MPI_OPENMPI
TALLY_MPI_CORE_FUNCTION void Type_extent(MPI_Datatype type, MPI_Aint* extent);
TALLY_MPI_CORE_FUNCTION void Type_lb(MPI_Datatype type, MPI_Aint* lb);
TALLY_MPI_CORE_FUNCTION void Type_ub(MPI_Datatype type, MPI_Aint* ub);
#endif

// fortran
#ifdef TALLY_MPI_OPENMPI
TALLY_MPI_CORE_FUNCTION MPI_Fint Comm_c2f(MPI_Comm comm);
TALLY_MPI_CORE_FUNCTION MPI_Comm Comm_f2c(MPI_Fint comm);
TALLY_MPI_CORE_FUNCTION MPI_Fint Errhandler_c2f(MPI_Errhandler errhandler);
TALLY_MPI_CORE_FUNCTION MPI_Errhandler Errhandler_f2c(MPI_Fint errhandler);
TALLY_MPI_CORE_FUNCTION MPI_Fint File_c2f(MPI_File file);
TALLY_MPI_CORE_FUNCTION MPI_File File_f2c(MPI_Fint file);
TALLY_MPI_CORE_FUNCTION MPI_Fint Group_c2f(MPI_Group group);
TALLY_MPI_CORE_FUNCTION MPI_Group Group_f2c(MPI_Fint group);
TALLY_MPI_CORE_FUNCTION MPI_Fint Info_c2f(MPI_Info info);
TALLY_MPI_CORE_FUNCTION MPI_Info Info_f2c(MPI_Fint info);
TALLY_MPI_CORE_FUNCTION MPI_Fint Message_c2f(MPI_Message message);
TALLY_MPI_CORE_FUNCTION MPI_Message Message_f2c(MPI_Fint message);
TALLY_MPI_CORE_FUNCTION MPI_Fint Op_c2f(MPI_Op op);
TALLY_MPI_CORE_FUNCTION MPI_Op Op_f2c(MPI_Fint op);
TALLY_MPI_CORE_FUNCTION MPI_Fint Request_c2f(MPI_Request request);
TALLY_MPI_CORE_FUNCTION MPI_Request Request_f2c(MPI_Fint request);
TALLY_MPI_CORE_FUNCTION void Status_c2f(const MPI_Status* c_status, MPI_Fint* f_status);
TALLY_MPI_CORE_FUNCTION void Status_f2c(const MPI_Fint* f_status, MPI_Status* c_status);
TALLY_MPI_CORE_FUNCTION MPI_Fint Type_c2f(MPI_Datatype datatype);
TALLY_MPI_CORE_FUNCTION MPI_Datatype Type_f2c(MPI_Fint datatype);
TALLY_MPI_CORE_FUNCTION MPI_Fint Win_c2f(MPI_Win win);
TALLY_MPI_CORE_FUNCTION MPI_Win Win_f2c(MPI_Fint win);
#endif

// persistent
#ifdef TALLY_MPI_OPENMPI
TALLY_MPI_CORE_FUNCTION void Allgather_init(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Allgatherv_init(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, Counts recvcounts, Counts displs, MPI_Datatype recvtype, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Allreduce_init(const void* sendbuf, void* recvbuf, MPI_Count count, MPI_Datatype datatype, MPI_Op op, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Alltoall_init(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Alltoallv_init(const void* sendbuf, Counts sendcounts, Counts sdispls, MPI_Datatype sendtype, void* recvbuf, Counts recvcounts, Counts rdispls, MPI_Datatype recvtype, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Alltoallw_init(const void* sendbuf, Counts sendcounts, Counts sdispls, const MPI_Datatype sendtypes[], void* recvbuf, Counts recvcounts, Counts rdispls, const MPI_Datatype recvtypes[], MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Barrier_init(MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Bcast_init(void* buffer, MPI_Count count, MPI_Datatype datatype, int root, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Exscan_init(const void* sendbuf, void* recvbuf, MPI_Count count, MPI_Datatype datatype, MPI_Op op, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Gather_init(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, int root, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Gatherv_init(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, Counts recvcounts, Counts displs, MPI_Datatype recvtype, int root, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Neighbor_allgather_init(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Neighbor_allgatherv_init(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, Counts recvcounts, Counts displs, MPI_Datatype recvtype, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Neighbor_alltoall_init(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Neighbor_alltoallv_init(const void* sendbuf, Counts sendcounts, Counts sdispls, MPI_Datatype sendtype, void* recvbuf, Counts recvcounts, Counts rdispls, MPI_Datatype recvtype, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Neighbor_alltoallw_init(const void* sendbuf, Counts sendcounts, const MPI_Aint sdispls[], const MPI_Datatype sendtypes[], void* recvbuf, Counts recvcounts, const MPI_Aint rdispls[], const MPI_Datatype recvtypes[], MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Reduce_init(const void* sendbuf, void* recvbuf, MPI_Count count, MPI_Datatype datatype, MPI_Op op, int root, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Reduce_scatter_block_init(const void* sendbuf, void* recvbuf, MPI_Count recvcount, MPI_Datatype datatype, MPI_Op op, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Reduce_scatter_init(const void* sendbuf, void* recvbuf, Counts recvcounts, MPI_Datatype datatype, MPI_Op op, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Scan_init(const void* sendbuf, void* recvbuf, MPI_Count count, MPI_Datatype datatype, MPI_Op op, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Scatter_init(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, int root, MPI_Comm comm, MPI_Info info, MPI_Request* request);
TALLY_MPI_CORE_FUNCTION void Scatterv_init(const void* sendbuf, Counts sendcounts, Counts displs, MPI_Datatype sendtype, void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, int root, MPI_Comm comm, MPI_Info info, MPI_Request* request);
#endif

// extensions
#ifdef TALLY_MPI_OPENMPI
TALLY_MPI_CORE_FUNCTION int Query_cuda_support();
#endif

}  // namespace tally::mpi
